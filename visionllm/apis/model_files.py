"""A model in files: ``config.json`` and ``model.safetensors`` in a folder, as on the Hugging Face hub; or a config of
MMDetection and a checkpoint.

Only the latter is code that runs. What a ``config.json`` names is looked up among the registered parts, and weights are
tensors.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import _load_checkpoint_to_model
from torch import nn

from visionllm.atomic_write import write_atomically
from visionllm.errors import CheckpointMismatchError, ConfigError
from visionllm.models.checkpoint_loading import describe_mismatch
from visionllm.models.initialization import weights_follow
from visionllm.models.safe_loading import SCHEME, load_local, load_shipped, save_safetensors
from visionllm.version import __version__

CONFIG, WEIGHTS, CARD = 'config.json', 'model.safetensors', 'README.md'
MODEL_TYPE = 'visionllm'
REGISTERED_NAME = re.compile(r'(mmdet\.)?\w+')  # mmengine imports and calls any other name


@dataclass(frozen=True)
class ModelConfig:
    """What a model is built from.

    Args:
        model: Config of the model.
        scale: Longest and shortest side that images are resized to, in pixels; None for models on a published
            detector, which resizes them itself.
        source: The file it is from, for messages.
    """
    model: dict
    scale: tuple[int, int] | None
    source: str

    @classmethod
    def from_config(cls, path: str) -> 'ModelConfig':
        """Of a config of MMDetection.

        Raises:
            ConfigError: The test pipeline has no ``Resize``.
        """
        cfg = Config.fromfile(path)
        cfg.model.pop('init_cfg', None)
        dataset = cfg.test_dataloader.dataset
        steps = dataset.get('datasets', [dataset])[0].pipeline  # of the first task
        scale = next((step['scale'] for step in steps if step['type'] == 'Resize'), None)
        if scale is None and cfg.model.get('backbone'):
            raise ConfigError(f'The test pipeline of {path} has no Resize, so the size of its images is unknown.')
        return cls(cfg.model.to_dict(), scale and tuple(scale), str(path))

    @classmethod
    def from_folder(cls, folder: str | Path) -> 'ModelConfig':
        """Of a folder with a ``config.json``.

        Raises:
            ConfigError: It is of another kind of model, or names what is no registered part.
        """
        path = Path(folder) / CONFIG
        content = json.loads(path.read_text(encoding='utf-8'))
        if not isinstance(content, dict) or content.get('model_type') != MODEL_TYPE:
            kind = content.get('model_type', 'unknown') if isinstance(content, dict) else 'unknown'
            raise ConfigError(f'{path} is of a model of the type {kind}, and no {MODEL_TYPE}.')
        strange = [name for name in _types(content['model']) if not REGISTERED_NAME.fullmatch(str(name))]
        if strange:
            raise ConfigError(f'{path} names {strange[0]!r}, which is no registered part, and was not built.')
        scale = content.get('scale')
        return cls(content['model'], scale and tuple(scale), str(path))

    def build(self, checkpoint: str | Path) -> nn.Module:
        """The model with the weights of a checkpoint, in evaluation mode.

        Raises:
            CheckpointMismatchError: The checkpoint belongs to another config.
            UnsafeCheckpointError: It is damaged, or cannot be loaded without running code from it.
        """
        init_default_scope('mmdet')
        with weights_follow():
            model = MODELS.build(self.model)
        content = (load_shipped if str(checkpoint).startswith(SCHEME) else load_local)(str(checkpoint), 'cpu')
        try:
            _load_checkpoint_to_model(model, content, strict=True)
        except CheckpointMismatchError:  # of a published detector
            raise
        except RuntimeError:
            mismatch = describe_mismatch(model, content.get('state_dict', content))
            raise CheckpointMismatchError(f'{checkpoint} is a checkpoint of another config than {self.source}. '
                                          f'{mismatch}') from None
        return model.eval()

    def save(self, folder: str | Path, model: nn.Module, card: str, meta: dict | None = None) -> None:
        """Write config, weights (trained tensors, in float16) and model card.

        Args:
            folder: Made if it does not exist.
            model: Built from this config.
            card: The text of the model card.
            meta: JSON-able notes that are stored with the weights.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        content = dict(model_type=MODEL_TYPE, visionllm_version=__version__, scale=self.scale,
                       model=_without_caches(self.model))
        write_atomically(folder / CONFIG, json.dumps(content, indent=1, ensure_ascii=False).encode())
        state = {name: tensor.half() if tensor.is_floating_point() else tensor
                 for name, tensor in model.state_dict().items()}
        save_safetensors(state, folder / WEIGHTS, dict(meta or {}, torch=torch.__version__))
        write_atomically(folder / CARD, card.encode())


def _without_caches(config: object) -> object:
    """A config without its sizes of caches, which are those of a training that sees each image again and again."""
    if isinstance(config, dict):
        return {name: _without_caches(value) for name, value in config.items() if name != 'cached_images'}
    return [_without_caches(each) for each in config] if isinstance(config, (list, tuple)) else config


def _types(config: object) -> Iterator[object]:
    """All values of ``type`` in a nested config."""
    if isinstance(config, dict):
        if 'type' in config:
            yield config['type']
        config = list(config.values())
    if isinstance(config, list):
        for each in config:
            yield from _types(each)

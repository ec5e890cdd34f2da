"""Inference on image files: an instruction in; named boxes, polygons or keypoints, or text, out."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import _load_checkpoint_to_model

from visionllm.annotations import read_image
from visionllm.engine.checkpoint import load_local
from visionllm.errors import CheckpointMismatchError, ConfigError
from visionllm.language.instructions import class_names_of
from visionllm.models import FormatQueryHead, NextTokenHead
from visionllm.models.checkpoint_loading import describe_mismatch
from visionllm.models.initialization import weights_follow
from visionllm.visualization import Prediction

ROOT = Path(__file__).parents[2]
# config and weights of the models in this repository
SHIPPED = {name: (str(ROOT / f'configs/visionllm/{stem}.py'), str(ROOT / f'weights/{stem}.safetensors'))
           for name, stem in dict(photographs='visionllm_ssd-mobilenet-v2_coco',
                                  scenes='visionllm_nano_scenes-five-tasks').items()}


class Inferencer:
    """Runs a model on image files.

    Args:
        model: A VisionLLM with its weights.
        scale: Longest and shortest side that images are resized to, in pixels, as in the test pipeline; None for models
            on a published detector, which resizes them itself.
    """

    def __init__(self, model, scale: tuple[int, int] | None):
        self.model = model.eval()
        self.resize = Compose([dict(type='Resize', scale=scale, keep_ratio=True)] if scale else [])

    @classmethod
    def from_files(cls, config: str, checkpoint: str, device: str = 'cpu') -> 'Inferencer':
        """Build the model of a config and load a checkpoint.

        Args:
            config: Path of the config.
            checkpoint: Path of the checkpoint, ``.pth`` or ``.safetensors``.
            device: Of the model.

        Raises:
            CheckpointMismatchError: The checkpoint belongs to another config.
            UnsafeCheckpointError: It is damaged, or cannot be loaded without running code from it.
            ConfigError: The test pipeline has no ``Resize``.
        """
        cfg = Config.fromfile(config)
        init_default_scope(cfg.get('default_scope', 'mmdet'))
        cfg.model.pop('init_cfg', None)
        with weights_follow():
            model = MODELS.build(cfg.model)
        content = load_local(checkpoint, 'cpu')
        try:
            _load_checkpoint_to_model(model, content, strict=True)
        except CheckpointMismatchError:  # of a published detector
            raise
        except RuntimeError:
            mismatch = describe_mismatch(model, content.get('state_dict', content))
            raise CheckpointMismatchError(f'{checkpoint} is a checkpoint of another config than {config}. {mismatch}') \
                from None
        dataset = cfg.test_dataloader.dataset
        steps = dataset.get('datasets', [dataset])[0].pipeline  # of the first task
        scale = next((step['scale'] for step in steps if step['type'] == 'Resize'), None)
        if scale is None and model.backbone is not None:
            raise ConfigError(f'The test pipeline of {config} has no Resize, so the size of its images is unknown.')
        return cls(model.to(device), scale and tuple(scale))

    def set_generation(self, num_beams: int = 1, temperature: float = 0.0) -> None:
        """How answers in text are generated: arguments of ``visionllm.models.llms.generate``.

        Raises:
            ConfigError: There is no such number of beams, or no such temperature.
        """
        if num_beams < 1 or temperature < 0:
            raise ConfigError(f'num_beams is {num_beams} and temperature {temperature}: expected at least 1, and 0 or '
                              'more.')
        for head in self.model.heads.values():
            if isinstance(head, NextTokenHead):
                head.num_beams, head.temperature = num_beams, temperature

    @contextmanager
    def _decoding_from(self, score_thr: float) -> Iterator[None]:
        """Decode no coordinates of objects with lower scores. Of several sentences the scores depend on one another, so
        there all are decoded."""
        heads = [head for head in self.model.heads.values() if isinstance(head, FormatQueryHead)]
        configured = [head.score_thr for head in heads]
        for head in heads:
            head.score_thr = max(head.score_thr, score_thr)
        try:
            yield
        finally:
            for head, each in zip(heads, configured):
                head.score_thr = each

    @torch.no_grad()
    def __call__(self, path: str | Path, instruction: str | Sequence[str], score_thr: float = 0.3) -> Prediction:
        """Predict for one image file.

        Args:
            path: Of the image file.
            instruction: One sentence, or several that each name a group of the classes, as
                ``TASKS['detection'].write_instructions(names)`` makes them of many names.
            score_thr: Objects with lower scores are left out.

        Raises:
            InstructionError: The instruction cannot be parsed, or no head supports its format.
            ImageError: The image cannot be read.
        """
        names = class_names_of(instruction)
        image = read_image(path)
        resized = self.resize(dict(img=image[..., ::-1], img_shape=image.shape[:2], ori_shape=image.shape[:2],
                                   scale_factor=(1.0, 1.0)))
        sample = DetDataSample(metainfo=dict(
            img_path=str(path), ori_shape=image.shape[:2], img_shape=resized['img'].shape[:2],
            scale_factor=resized['scale_factor'], instruction=instruction, text=names))
        pixels = torch.from_numpy(np.ascontiguousarray(resized['img'].transpose(2, 0, 1)))
        with self._decoding_from(score_thr if isinstance(instruction, str) else 0.0):
            result = self.model.test_step(pseudo_collate([dict(inputs=pixels, data_samples=sample)]))[0]
        return Prediction.from_sample(result, image, score_thr)

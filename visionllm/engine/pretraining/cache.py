"""Results of pre-training stages on disk, keyed by everything that they depend on.

A key is a hash of the stage's code and settings, the configs and annotation files of its data, the tokenizers, and the
weights that the model had before the stage. So a result is used again only where training would give the same.
"""

import ast
import hashlib
import inspect
import json
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import torch
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.runner import Runner
from torch import Tensor, nn

from visionllm.atomic_write import write_atomically
from visionllm.models.safe_loading import load_local
from visionllm.models.state_bytes import state_bytes

from ..distributed import unwrapped
from ..stop_at_nan import check_finite
from .progress import StageProgress
from .stage import PretrainingStage, stage_dataloader

TIMINGS = 'timings.json'


class StageCache:
    """Files ``NAME-KEY.pth``, ``NAME-KEY.progress`` and ``timings.json`` in a folder.

    Args:
        folder: To be made on the first save.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def load(self, stage: PretrainingStage, key: str) -> dict[str, Tensor] | None:
        """The state dict that a stage left, or None."""
        content = [self._read(stage, key) if is_main_process() else None]
        broadcast_object_list(content)  # other machines may not see the same disk
        return content[0]

    def _read(self, stage: PretrainingStage, key: str) -> dict[str, Tensor] | None:
        path = self.path(stage, key)
        return load_local(str(path))['state_dict'] if path.exists() else None

    def save(self, stage: PretrainingStage, key: str, state: dict[str, Tensor], seconds: float) -> None:
        """Keep what a stage trained, and how long it took.

        Raises:
            DivergedError: The weights are not finite.
        """
        check_finite(state, f'Pre-training stage {stage.name}')
        if not is_main_process():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        content = BytesIO()
        torch.save(dict(state_dict=state, settings=settings_of(stage)), content)
        write_atomically(self.path(stage, key), content.getvalue())
        timings = self.timings() | {stage.name: round(seconds)}
        write_atomically(self.folder / TIMINGS, json.dumps(timings, indent=1).encode())

    def progress(self, stage: PretrainingStage, key: str) -> StageProgress:
        """How far a stage has come."""
        return StageProgress(self.folder / f'{stage.name}-{key}.progress')

    def timings(self) -> dict[str, int]:
        """Seconds that each stage took last time, by name."""
        path = self.folder / TIMINGS
        return json.loads(path.read_text()) if path.exists() else {}

    def path(self, stage: PretrainingStage, key: str) -> Path:
        """File of a stage's result."""
        return self.folder / f'{stage.name}-{key}.pth'


def stage_key(stage: PretrainingStage, runner: Runner) -> str:
    """Hash of all that the result of a stage depends on, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in _dependencies(stage, runner):
        digest.update(part)
    return digest.hexdigest()[:16]


def _dependencies(stage: PretrainingStage, runner: Runner) -> Iterator[bytes]:
    yield json.dumps([settings_of(stage), runner.seed, runner.cfg.optim_wrapper.type]).encode()
    yield from (code_of(module).encode() for module in modules_of(type(stage)))
    for part in stage.depends_on(unwrapped(runner.model)):
        if isinstance(part, nn.Module):
            yield from state_bytes(part)
            yield from tokenizer_bytes(part)
            yield json.dumps([options_of(module) for module in part.modules()]).encode()
        else:
            yield repr(part).encode()
    if stage.uses_data:
        loader = stage_dataloader(runner.cfg.train_dataloader, stage)
        yield json.dumps(loader, default=str, sort_keys=True).encode()
        yield from annotation_bytes(loader['dataset'])


def settings_of(stage: PretrainingStage) -> dict[str, object]:
    """The arguments of a stage, as JSON holds them."""
    return json.loads(json.dumps({name: value for name, value in vars(stage).items() if not name.startswith('_')},
                                 default=str)) | dict(type=type(stage).__name__)


def modules_of(kind: type) -> list[str]:
    """Names of this package's modules that define a class, its bases, and what the module of the class imports."""
    used = [*kind.__mro__, *vars(sys.modules[kind.__module__]).values()]
    names = {each.__module__ for each in used if isinstance(getattr(each, '__module__', None), str)}
    return sorted({kind.__module__} | {name for name in names if name.startswith(__package__)})


def code_of(module: str) -> str:
    """The code of an imported module, without docstrings and comments."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def options_of(module: nn.Module) -> dict[str, object]:
    """A module's own plain attributes, such as a crop size or a text."""
    return {name: value for name, value in vars(module).items()
            if name != 'training' and isinstance(value, (bool, int, float, str))}


def tokenizer_bytes(module: nn.Module) -> Iterator[bytes]:
    """Vocabularies of the tokenizers of a module's parts."""
    for part in module.modules():
        tokenizer = getattr(part, 'tokenizer', None) or getattr(getattr(part, 'vocabulary', None), 'tokenizer', None)
        if tokenizer is not None:
            yield json.dumps(tokenizer.get_vocab(), sort_keys=True).encode()


def annotation_bytes(dataset: dict) -> Iterator[bytes]:
    """Contents of the annotation files that a dataset's config names, as far as they exist."""
    for part in [dataset.get('dataset'), *dataset.get('datasets', ())]:
        if part:
            yield from annotation_bytes(part)
    for key in ('ann_file', 'instances_file'):
        if dataset.get(key):
            path = Path(dataset.get('data_root', ''), dataset[key])
            yield path.read_bytes() if path.is_file() else b'none'

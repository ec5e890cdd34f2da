"""VisionLLM: vision-centric tasks by instruction, an open implementation of the paper for MMDetection.

Importing the package registers its parts with MMDetection (``custom_imports = dict(imports=['visionllm'])``).
"""

from . import mmcv_ops, quiet

mmcv_ops.install()  # before anything imports mmdet
quiet.install()

from . import datasets, engine, evaluation, models  # noqa: E402,F401
from .version import __version__  # noqa: E402

__all__ = ['__version__']

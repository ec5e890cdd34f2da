"""VisionLLM: detection and segmentation that take their orders in plain language.

Importing the package registers its parts with MMDetection (``custom_imports = dict(imports=['visionllm'])``).
"""

from . import mmcv_ops

mmcv_ops.install()  # before anything imports mmdet

from . import datasets, engine, evaluation, models  # noqa: E402,F401
from .version import __version__  # noqa: E402

__all__ = ['__version__']

"""VisionLLM: vision-centric tasks by instruction, an open implementation of the paper for MMDetection.

Importing the package registers its parts with MMDetection (``custom_imports = dict(imports=['visionllm'])``).
"""

from . import mmcv_ops, quiet, startup

with startup.deferred():
    mmcv_ops.install()  # before anything imports mmdet
    quiet.install()
    from . import datasets, engine, evaluation, models  # noqa: F401
from .version import __version__  # noqa: E402

__all__ = ['__version__']

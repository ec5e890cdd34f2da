"""Stub that makes ``mmcv.ops`` importable where mmcv was installed without its compiled extension.

The extension must be compiled, and DETR models do not need it: multi-scale deformable attention has a plain torch
implementation. Without the extension ``import mmcv.ops``, and so the import of mmdet, fails. The stub module can be
imported; calls of its functions raise an error. It is not used where the extension is installed.
"""

import importlib.util
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType

from .errors import UserError

EXTENSION = 'mmcv._ext'


class MissingOpsError(UserError, RuntimeError):
    """A function of mmcv's compiled extension, which is not installed."""


class _MissingExtension(ModuleType):
    """Stub whose attributes are functions that raise an error."""

    def __getattr__(self, name: str) -> Callable:
        if name.startswith('__'):
            raise AttributeError(name)

        def raise_error(*_args, **_kwargs):
            raise MissingOpsError(
                f'mmcv.ops needs the compiled function {name!r}, and this mmcv was installed without compiled ops. '
                'Install an mmcv built with them (MMCV_WITH_OPS=1 pip install --no-binary onedl-mmcv onedl-mmcv), '
                'or use a model that does not need them.')

        return raise_error


def install() -> bool:
    """Register the stub if the compiled extension is not installed.

    Returns:
        Whether the extension is installed.
    """
    if EXTENSION in sys.modules:
        return not isinstance(sys.modules[EXTENSION], _MissingExtension)
    if importlib.util.find_spec(EXTENSION) is not None:
        return True
    module = _MissingExtension(EXTENSION)
    module.__spec__ = ModuleSpec(EXTENSION, loader=None)  # mmengine reads it to print the environment
    sys.modules[EXTENSION] = module
    return False

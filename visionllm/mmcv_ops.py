"""Make ``mmcv.ops`` importable where mmcv was installed without its compiled extension.

Building mmcv's extension takes a compiler and a quarter of an hour; nothing in a DETR needs it, because
multi-scale deformable attention has a plain torch road. Without the extension ``import mmcv.ops`` fails and takes
all of mmdet with it, so a stand-in module answers the *import* and refuses every *call*, by name.
Where the real extension is installed this module does nothing.
"""

import importlib.util
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType

EXTENSION = 'mmcv._ext'


class _MissingExtension(ModuleType):
    """Has every attribute; calling any of them says what is missing and what to do."""

    def __getattr__(self, name: str) -> Callable:
        if name.startswith('__'):
            raise AttributeError(name)

        def refuse(*_args, **_kwargs):
            raise RuntimeError(
                f'mmcv.ops needs the compiled function {name!r}, and this mmcv was installed without compiled ops. '
                'Install an mmcv built with them (MMCV_WITH_OPS=1 pip install --no-binary onedl-mmcv onedl-mmcv), '
                'or use a part that does not need them.')

        return refuse


def install() -> bool:
    """Register the stand-in if the compiled extension is absent. Returns whether the real one is there."""
    if EXTENSION in sys.modules:
        return not isinstance(sys.modules[EXTENSION], _MissingExtension)
    if importlib.util.find_spec(EXTENSION) is not None:
        return True
    module = _MissingExtension(EXTENSION)
    module.__spec__ = ModuleSpec(EXTENSION, loader=None)  # mmengine asks for it while it prints the environment
    sys.modules[EXTENSION] = module
    return False

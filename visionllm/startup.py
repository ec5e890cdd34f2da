"""Faster imports: what others import but inference does not use is loaded at its first use.

Imports take 3.0 s instead of 8.3 s, on one core. The rest went to packages that mmdet imports for one transform or
drawing each (imgaug and imagecorruptions, with numba; albumentations; matplotlib), to scipy, which only training and
evaluation call, to Python's garbage collector, which looks through all objects again and again while imports create
more, to reading the files of transformers twice, and to compiling optimizers of ``torch.distributed``. In the block of
``deferred`` imports of these packages give stand-ins, which import what they stand for when they are used. After the
block imports are ordinary ones.
``importlib.util.LazyLoader`` does not help: ``from package import name`` loads the package at once.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pkgutil import resolve_name
from types import ModuleType

from .transformers_files import import_transformers

PACKAGES = ('albumentations', 'imagecorruptions', 'imgaug', 'matplotlib', 'scipy')


class _Name:
    """Stand-in for a function or class, given its dotted name."""

    def __init__(self, name: str):
        self._name = name

    def _load(self) -> object:
        if '_object' not in self.__dict__:
            _restore()  # used within the block: all imports are ordinary ones from here on
            self._object = resolve_name(self._name)
        return self._object

    def __reduce__(self) -> tuple:
        return _Name, (self._name, )

    def __call__(self, *args, **kwargs):
        return self._load()(*args, **kwargs)

    def __getattr__(self, name: str) -> object:
        if name.startswith('__'):  # copy and pickle look for methods
            raise AttributeError(name)
        return getattr(self._load(), name)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._load())

    def __mro_entries__(self, bases: tuple) -> tuple:
        return (self._load(), )  # base of a class


class _Module(ModuleType):
    """Stand-in for a module; its attributes are stand-ins within the block, and the module's own after it."""

    def __getattr__(self, name: str) -> object:
        if _Finder in sys.meta_path and name != '__version__':
            if name.startswith('__'):
                raise AttributeError(name)
            return _Name(f'{self.__name__}.{name}')
        return _Name(f'{self.__name__}.{name}')._load()


class _Finder:
    """Finds stand-ins for ``packages`` and their submodules."""
    packages: frozenset[str] = frozenset()

    @classmethod
    def find_spec(cls, name: str, path=None, target=None) -> ModuleSpec | None:
        return ModuleSpec(name, cls, is_package=True) if name.partition('.')[0] in cls.packages else None

    @staticmethod
    def create_module(spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        """Nothing to run."""


def _restore() -> None:
    """Let imports be ordinary ones again."""
    if _Finder in sys.meta_path:
        sys.meta_path.remove(_Finder)
        for name in [name for name, module in sys.modules.items() if type(module) is _Module]:
            del sys.modules[name]


@contextmanager
def deferred() -> Iterator[None]:
    """Context for imports: without garbage collection, and with stand-ins for ``PACKAGES`` not yet imported."""
    collects = gc.isenabled()
    _Finder.packages = frozenset(name for name in PACKAGES if name not in sys.modules and find_spec(name))
    sys.meta_path.insert(0, _Finder)
    gc.disable()
    try:
        _import_distributed_optimizers()
        import_transformers()
        yield
    finally:
        _restore()
        gc.freeze()  # modules stay: later collections need not look through them
        if collects:
            gc.enable()


def _import_distributed_optimizers() -> None:
    """Import them without compiling: nine are classes of TorchScript for RPC, and mmengine needs another one."""
    import torch.distributed
    from torch.jit import _state
    if not torch.distributed.is_available() or not _state._enabled:
        return
    _state.disable()
    try:
        import torch.distributed.optim  # noqa: F401
    finally:
        _state.enable()

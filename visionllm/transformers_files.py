"""What the files of transformers define, kept on disk.

transformers loads a module when one of its names is used. To know which module that is, its import reads the 1,600
files of all its models, 0.3 s of each process; what they define changes with its version alone.
"""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

from visionllm.assets import cache_dir
from visionllm.atomic_write import write_atomically

READER = 'transformers.utils.import_utils'
# folders by name, and the names that the modules of this folder define, by the packages that these need
Structure: TypeAlias = 'dict[str | frozenset[str], Structure | dict[str, set[str]]]'


def import_transformers() -> None:
    """Import transformers without reading its files, or reading them once if this version is new."""
    if READER in sys.modules:  # what it has read need not be read again for ``transformers.models``
        _patch(sys.modules[READER])
        return
    sys.meta_path.insert(0, _Finder)
    try:
        import transformers  # noqa: F401
    finally:
        sys.meta_path.remove(_Finder)


class _Finder:
    """Finds the reader and patches it as soon as it is loaded: transformers uses it while it is itself imported."""

    @staticmethod
    def find_spec(name: str, path: list[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name == READER else None
        if spec is not None:
            load = spec.loader.exec_module
            spec.loader.exec_module = lambda module: (load(module), _patch(module))
        return spec


def _patch(reader: ModuleType) -> None:
    if read := getattr(reader, 'create_import_structure_from_path', None):
        models = Path(reader.__file__).parents[1] / 'models'
        version = sys.modules['transformers'].__version__
        whole = cache(lambda: read(models) if 'dev' in version else read_once(models, version, read))
        reader.create_import_structure_from_path = \
            lambda path: whole() if Path(path) in (models, models / '__init__.py') else read(path)


def read_once(folder: Path, version: str, read: Callable[[Path], Structure]) -> Structure:
    """What the modules in a folder define, from the cache, or read and kept there; a cache that cannot be written costs
    time alone.

    Args:
        version: Of the package that the folder belongs to.
        read: Reads all files of the folder.
    """
    key = sha256(f'{folder} {folder.stat().st_mtime_ns}'.encode()).hexdigest()[:8]
    path = cache_dir() / 'transformers' / f'{version}-{key}.json'
    with suppress(OSError, ValueError, TypeError, AttributeError):  # not there, or damaged
        return _from_json(json.loads(path.read_text(encoding='utf-8')))
    structure = read(folder)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(_to_json(structure)).encode())
    return structure


def _to_json(structure: Structure) -> list:
    """Pairs of a folder's name and its content, or of packages and the names of each module."""
    return [[key, _to_json(value)] if isinstance(key, str) else
            [sorted(key), {module: sorted(names) for module, names in value.items()}]
            for key, value in structure.items()]


def _from_json(pairs: list) -> Structure:
    return {key if isinstance(key, str) else frozenset(key):
            _from_json(value) if isinstance(key, str) else {module: set(names) for module, names in value.items()}
            for key, value in pairs}

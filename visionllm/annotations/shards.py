"""Tar files as web datasets store samples: files of one sample have the same name up to its first dot.

    000012.json   000012.0.jpg   000012.1.jpg   000013.json   ...

Members are read at their place in the file, so samples can be drawn in any order.
"""

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import orjson

from .files import AnnotationError, describe_missing


@dataclass(frozen=True)
class Member:
    """A file in an uncompressed tar file."""
    shard: str
    name: str
    offset: int  # of its bytes
    size: int

    def read(self) -> bytes:
        """Its content."""
        with open(self.shard, 'rb') as file:
            file.seek(self.offset)
            return file.read(self.size)

    def __str__(self) -> str:
        return f'{self.shard}: {self.name}'


class NamedBytes(io.BytesIO):
    """An image file in memory, whose name is in messages about it."""

    def __init__(self, content: bytes, name: str):
        super().__init__(content)
        self.name = name

    def __str__(self) -> str:
        return self.name


def read_shard(path: str | Path) -> list[tuple[dict, dict[str, Member]]]:
    """The samples of a tar file: the content of the JSON file of each, and its other files by the rest of their name
    (``0.jpg``).

    Raises:
        AnnotationError: The file does not exist, is no uncompressed tar file, is cut off, or has a sample without JSON.
    """
    groups: dict[str, dict[str, Member]] = {}
    for member in _members(path):
        folder, _, base = member.name.rpartition('/')
        key, _, rest = base.partition('.')
        groups.setdefault(f'{folder}/{key}', {})[rest] = member
    return [(_read_json(path, key, files), files) for key, files in groups.items()]


def _members(path: str | Path) -> list[Member]:
    try:
        with tarfile.open(path, 'r:') as file:
            members = [Member(str(path), each.name, each.offset_data, each.size) for each in file if each.isfile()]
    except FileNotFoundError:
        raise AnnotationError(describe_missing(Path(path))) from None
    except (tarfile.TarError, OSError) as error:
        raise AnnotationError(f'{path} is no uncompressed tar file, or is cut off: {error}.') from None
    if members and members[-1].offset + members[-1].size > Path(path).stat().st_size:
        raise AnnotationError(f'{path} is cut off in {members[-1].name}. Copy it again.')
    return members


def _read_json(path: str | Path, key: str, files: dict[str, Member]) -> dict:
    if 'json' not in files:
        raise AnnotationError(f'{path}: the sample {key.strip("/")} has no .json file, only '
                              f'{", ".join(sorted(files))}.')
    try:
        return orjson.loads(files.pop('json').read())
    except orjson.JSONDecodeError as error:
        raise AnnotationError(f'{path}: {key.strip("/")}.json is not JSON: {error}.') from None

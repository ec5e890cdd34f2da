"""Annotation files of any kind: reading JSON, and errors that name the file and the record."""

import json
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from visionllm.errors import UserError

_BYTE_ORDER_MARK = b'\xef\xbb\xbf'
_CONFIGS = Path(__file__).parents[1] / 'configs'
_FOLDER_VARIABLE = re.compile(r'\{\{\$(\w+):(data/\w+)/?\}\}')


class AnnotationError(UserError, ValueError):
    """An annotation file cannot be used; the message says why."""


def read_json(path: str | Path) -> dict | list:
    """Read JSON, or JSON lines as a list.

    Raises:
        AnnotationError: The file does not exist, cannot be opened or has neither format.
    """
    try:
        text = Path(path).read_bytes().removeprefix(_BYTE_ORDER_MARK)
    except FileNotFoundError:
        raise AnnotationError(describe_missing(Path(path))) from None
    except OSError as error:
        raise AnnotationError(f'{path} cannot be read: {error.strerror}.') from None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return _read_json_of_python(path, text)


def describe_missing(path: Path) -> str:
    """That an annotation file is not there, and what is."""
    folder = next(parent for parent in path.parents if parent.is_dir())
    if folder != path.parent:
        there = [path.parent, *path.parent.parents]
        return f'{path} does not exist: there is no folder {there[there.index(folder) - 1]}{_variable_of(path)}.'
    others = sorted(file.name for file in folder.iterdir() if file.suffix == path.suffix)
    shown = ', '.join(others[:5]) + (f' and {len(others) - 5} more' if others[5:] else '')
    return f'{path} does not exist; {folder} holds {shown or f"no {path.suffix}"}.'


def _variable_of(path: Path) -> str:
    """What to set for a file in the folder that this package's configs take where an environment variable is not set;
    '' for other files."""
    configs = (each.read_text(encoding='utf-8') for each in sorted(_CONFIGS.rglob('*.py')))
    variables = {Path(folder): name for text in configs for name, folder in _FOLDER_VARIABLE.findall(text)}
    found = next((name for folder, name in variables.items() if folder in path.parents), None)
    return f'; set the environment variable {found} to the folder of your data' if found else ''


def _read_json_of_python(path: str | Path, text: bytes) -> dict | list:
    """Read what Python's own ``json`` reads and the standard does not: NaN and infinity, and lines of JSON."""
    try:
        decoded = text.decode()
    except UnicodeDecodeError as error:
        raise AnnotationError(f'{path} is not text in UTF-8: {error}.') from None
    try:
        return json.loads(decoded)
    except RecursionError:
        raise AnnotationError(f'{path} is nested too deeply.') from None
    except json.JSONDecodeError as error:
        if error.msg == 'Extra data':  # more than one JSON value: JSON lines
            return _read_lines(path, decoded)
        raise AnnotationError(f'{path} is not JSON: {error}. Is it complete?') from None


def _read_lines(path: str | Path, text: str) -> list:
    records = []
    for number, line in enumerate(text.split('\n'), 1):
        try:
            records += [json.loads(line)] if line.strip() else []
        except json.JSONDecodeError as error:
            raise AnnotationError(f'{path}, line {number}, is not JSON: {error}. Of JSON lines each must be one '
                                  'value.') from None
    return records


@contextmanager
def record_errors(ann_file: str | Path) -> Iterator[None]:
    """Context manager that adds the file name to errors about a record: a missing key or a value of the wrong type.

    Raises:
        AnnotationError: Instead of any ``LookupError``, ``AttributeError``, ``TypeError`` or ``ValueError``.
    """
    try:
        yield
    except KeyError as error:
        raise AnnotationError(f'{ann_file}: a record lacks {error}.') from error
    except LookupError as error:
        raise AnnotationError(f'{ann_file}: {error}') from error
    except AnnotationError as error:
        raise error if str(ann_file) in str(error) else AnnotationError(f'{ann_file}: {error}') from error
    except (AttributeError, TypeError, ValueError) as error:
        raise AnnotationError(f'{ann_file}: a record has a value of the wrong type ({error}).') from error


def record_keys(content: dict | list, part: str | None = None) -> set[str]:
    """Keys of the first record of a list, or of the list under the key ``part``; empty if there is none."""
    if part is not None:
        content = content.get(part) if isinstance(content, dict) else None
    return set(content[0]) if isinstance(content, list) and content and isinstance(content[0], dict) else set()


def by_id(records: list[dict]) -> dict:
    """Records by their ``id``."""
    return {record['id']: record for record in records}


def annotations_by_image(content: dict) -> dict[int, list[dict]]:
    """All annotations of a COCO file by image id, crowds included; an empty list for an image without any."""
    found: dict[int, list[dict]] = {image['id']: [] for image in content['images']}
    for annotation in content['annotations']:
        found[annotation['image_id']].append(annotation)
    return found


def check_references(ids: Collection, known: Collection, what: str) -> None:
    """Check that referenced records exist.

    Args:
        ids: Ids that records refer to.
        known: Ids that exist.
        what: Noun phrase for the message, such as ``an image``.

    Raises:
        LookupError: An id is unknown (``record_errors`` adds the file name).
    """
    unknown = [i for i in ids if i not in known]
    if unknown:
        raise LookupError(f'{len(unknown)} of {len(ids)} records refer to {what} that does not exist (the first is '
                          f'{unknown[0]}). Do the files belong together?')

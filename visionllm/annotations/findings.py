"""What is wrong with an annotation file, and what was repaired in it, by kind and record."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from mmengine.logging import print_log

from .files import AnnotationError

MEND = 'Mend or remove them; "visionllm data check FILE --fix OUT" removes them.'


class Kind(NamedTuple):
    """A kind of finding.

    Args:
        text: What the records have in common, as in "12 records: TEXT".
        remedy: What to do about a fault, as a sentence; empty where it is repaired, or only worth a line in the log.
    """
    text: str
    remedy: str = ''

    @property
    def is_fault(self) -> bool:
        """Whether the file cannot be used."""
        return bool(self.remedy)


WRITTEN_AS_TEXT = Kind('numbers written as text or as decimals are read as whole numbers')


class Findings(dict[Kind, list[str]]):
    """Names of records ("annotation 17") by the kind of what was found, in the order of the checks."""

    def report(self, kind: Kind, records: Iterable[str]) -> None:
        """Add records; none leave no entry."""
        names = list(records)
        if names:
            self.setdefault(kind, []).extend(names)

    def faults(self) -> list[Kind]:
        """The kinds because of which the file cannot be used."""
        return [kind for kind in self if kind.is_fault]

    def raise_faults(self, path: str | Path) -> None:
        """
        Raises:
            AnnotationError: There is a fault; the message names the file, the first one's record and remedy.
        """
        faults = self.faults()
        if faults:
            others = len(faults) - 1
            more = f' {others} other kinds of faults: visionllm data check {path}' if others else ''
            raise AnnotationError(f'{path}: {self.summarize(faults[0])} {faults[0].remedy}{more}')

    def log_repairs(self, path: str | Path) -> None:
        """One line of the log about all that is no fault."""
        lines = [self.summarize(kind) for kind in self if not kind.is_fault]
        if lines:
            print_log(f'{path}: {" ".join(lines)}', 'current', level=logging.WARNING)

    def summarize(self, kind: Kind) -> str:
        """How many records, and the first one, as a sentence."""
        names = self[kind]
        return f'{kind.text}: {len(names)} (the first is {names[0]}).'


def describe(record: object) -> str:
    """A record for a message: "annotation 17", "image 3 (a.jpg)", "category 2 (cat)"."""
    if not isinstance(record, dict):
        return repr(record)[:60]
    kind = next((kind for kind, key in (('annotation', 'image_id'), ('image', 'file_name'), ('category', 'name'))
                 if key in record), 'record')
    name = record.get('file_name', record.get('name', ''))
    return f'{kind} {record.get("id", "without an id")!s:.60}' + (f' ({name!s:.60})' if name else '')


def keep(records: list, is_sound: Callable[[dict], bool], kind: Kind, findings: Findings) -> list[dict]:
    """The records that are sound; the others are reported."""
    kept = [record for record in records if is_sound(record)]
    if len(kept) < len(records):
        findings.report(kind, (describe(record) for record in records if not is_sound(record)))
    return kept


def keep_first(records: list[dict], keys: Sequence, kind: Kind, findings: Findings) -> list[dict]:
    """The first record of each key; the others are reported."""
    if len(set(keys)) == len(keys):
        return records
    first = {key: index for index, key in reversed(list(enumerate(keys)))}
    is_first = [first[key] == index for index, key in enumerate(keys)]
    findings.report(kind, (describe(record) for record, keep in zip(records, is_first) if not keep))
    return [record for record, keep in zip(records, is_first) if keep]


def read_numbers(records: list[dict], keys: Iterable[str], findings: Findings) -> None:
    """Read whole numbers that are written as text ("17") or as decimals (17.0)."""
    for key in keys:
        if Counter(type(record.get(key)) for record in records).keys() <= {int}:
            continue
        repaired = []
        for record in records:
            number = whole_number(record.get(key))
            if number is not None and type(record[key]) is not int:
                record[key] = number
                repaired.append(record)
        findings.report(WRITTEN_AS_TEXT, (f'{key} of {describe(record)}' for record in repaired))


def whole_number(value: object) -> int | None:
    """The whole number that a value stands for: 17, 17.0 or "17"; None for anything else."""
    if isinstance(value, str) and len(value) < 18 and value.strip().isdecimal():
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value if type(value) is int else None

"""The output tuple, as a user writes it: ``(c, x1, y1, x2, y2)``, ``(c, x1, y1, ..., x24, y24)``,
``(c, "nose", "left eye")``, ``(text)`` or ``(text, 92% sure)``.

The tuple in the instruction *is* the task: two points ask for a box, more for a polygon, quoted names for the points of
these names, ``(text)`` for words, and how sure they must be may stand with it. Nothing else in the model knows what was
asked for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MIN_POLYGON_POINTS, MAX_POINTS = 4, 64
_TEXT = re.compile(r'\(\s*text\s*(?:,\s*(\d+)\s*%\s*sure\s*)?\)')
_TUPLE = re.compile(r'\(\s*c\s*,([^()]*)\)')
_NAME = re.compile(r'"([^"]*)"')


class InstructionError(ValueError):
    """An instruction that cannot be carried out, and why."""


@dataclass(frozen=True)
class OutputFormat:
    """A class and ``num_points`` points; words, where there are none. Points that have names are no box or outline."""
    num_points: int
    point_names: tuple[str, ...] = ()
    certainty: int | None = None  # percent; words are about what is seen so surely. What is usual if None

    @property
    def is_text(self) -> bool:
        return self.num_points == 0

    @property
    def is_named(self) -> bool:
        return bool(self.point_names)

    @property
    def is_outline(self) -> bool:
        return self.num_points > 2 and not self.is_named

    @property
    def is_box(self) -> bool:
        return self.num_points == 2 and not self.is_named

    @property
    def coordinate_tokens(self) -> list[str]:
        """Query tokens of the coordinates, in the order of the answer. Those of all named points are alike: their
        names tell them apart, not their place in the tuple."""
        if self.is_named:
            return ['<x1>', '<y1>'] * self.num_points
        return [f'<{axis}{i + 1}>' for i in range(self.num_points) for axis in 'xy']

    def __str__(self) -> str:
        if self.is_text:
            return '(text)' if self.certainty is None else f'(text, {self.certainty}% sure)'
        if self.is_named:
            return f'(c, {", ".join(map(quoted, self.point_names))})'
        if self.is_box:
            return '(c, x1, y1, x2, y2)'
        return f'(c, x1, y1, ..., x{self.num_points}, y{self.num_points})'


TEXT = OutputFormat(0)


def named_points(names: Sequence[str]) -> OutputFormat:
    """A class and the points of some names, in their order.

    Raises:
        InstructionError: No name, too many, one twice, or one that is blank or holds a quote or a parenthesis.
    """
    names = tuple(name.strip() for name in names)
    if not 1 <= len(names) <= MAX_POINTS:
        raise InstructionError(f'The output tuple names {len(names)} points; 1 to {MAX_POINTS} can be answered.')
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InstructionError(f'The output tuple names the point {", ".join(repeated)} twice; name each point once.')
    bad = [name for name in names if not name or set(name) & set('"()')]
    if bad:
        raise InstructionError(f'Point name {bad[0]!r} is blank or holds a double quote or a parenthesis.')
    return OutputFormat(len(names), names)


def sure_text(certainty: int) -> OutputFormat:
    """Words about what is seen with some certainty, in percent.

    Raises:
        InstructionError: It is more than certain.
    """
    if certainty > 100:
        raise InstructionError(f'The output tuple wants words that are {certainty}% sure; 0% to 100% can be asked for.')
    return OutputFormat(0, certainty=certainty)


def quoted(name: str) -> str:
    """A name as instructions write it."""
    return f'"{name}"'


def parse_format(instruction: str) -> OutputFormat:
    """Read the output tuple out of an instruction.

    Raises:
        InstructionError: No tuple, several different ones, or one whose coordinates are repeated, missing or out of
            order, whose number of points cannot be answered, or which has names beside coordinates.
    """
    found = {_parse_tuple(fields) for fields in _TUPLE.findall(instruction)}
    found |= {sure_text(int(certainty)) if certainty else TEXT for certainty in _TEXT.findall(instruction)}
    if not found:
        raise InstructionError('The instruction names no output tuple, so there is nothing to answer with. Write one, '
                               'such as (c, x1, y1, x2, y2) for boxes, (c, x1, y1, ..., x24, y24) for polygons, '
                               '(c, "nose", "left eye") for points that have names or (text) for words.')
    if len(found) > 1:
        raise InstructionError(f'The instruction names {len(found)} different output tuples '
                               f'({", ".join(sorted(map(str, found)))}); name one.')
    return found.pop()


def _parse_tuple(fields: str) -> OutputFormat:
    if '"' in fields:
        return _parse_names(fields)
    names = [name.strip() for name in fields.split(',')]
    if '...' in names:
        names = _expand(names)
    count = len(names) // 2
    expected = [f'{axis}{i + 1}' for i in range(count) for axis in 'xy']
    if len(names) % 2 or names != expected:
        repeated = sorted({name for name in names if names.count(name) > 1})
        missing = [name for name in expected + ['x1', 'y1'] if name not in names]
        reason = (f'{", ".join(repeated)} is repeated' if repeated else
                  f'{missing[0]} is missing' if missing else 'the coordinates are out of order or unpaired')
        raise InstructionError(f'In the output tuple (c,{fields}) {reason}; coordinates come in pairs x1, y1, x2, y2, '
                               '... in order.')
    if count != 2 and not MIN_POLYGON_POINTS <= count <= MAX_POINTS:
        raise InstructionError(f'The output tuple asks for {count} points; a box has 2, a polygon '
                               f'{MIN_POLYGON_POINTS} to {MAX_POINTS}.')
    return OutputFormat(count)


def _parse_names(fields: str) -> OutputFormat:
    names = _NAME.findall(fields)
    if [rest.strip() for rest in _NAME.sub('', fields).split(',')] != [''] * len(names):
        raise InstructionError(f'The output tuple (c,{fields}) has something beside the quoted names of points; write '
                               'only these, with commas between them, as in (c, "nose", "left eye").')
    return named_points(names)


def _expand(names: list[str]) -> list[str]:
    """Fill in what ``...`` stands for: all pairs up to the last named one."""
    cut = names.index('...')
    last = re.fullmatch(r'y(\d+)', names[-1])
    if last is None or names.count('...') > 1:
        raise InstructionError(f'The output tuple (c, {", ".join(names)}) must end with the last point after "...", '
                               'as in (c, x1, y1, ..., x24, y24).')
    count = int(last[1])
    if count > MAX_POINTS:
        raise InstructionError(f'The output tuple asks for {count} points; a box has 2, a polygon '
                               f'{MIN_POLYGON_POINTS} to {MAX_POINTS}.')
    full = [f'{axis}{i + 1}' for i in range(count) for axis in 'xy']
    head, tail = names[:cut], names[cut + 1:]
    return full if full[:cut] == head and full[len(full) - len(tail):] == tail else head + tail

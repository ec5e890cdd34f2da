"""The output tuple, as a user writes it: ``(c, x1, y1, x2, y2)``, ``(c, x1, y1, ..., x24, y24)`` or ``(text)``.

The tuple in the instruction *is* the task: two points ask for a box, more for a polygon, ``(text)`` for words. Nothing
else in the model knows what was asked for.
"""

import re
from dataclasses import dataclass

MIN_POLYGON_POINTS, MAX_POINTS = 4, 64
_TEXT = '(text)'
_TUPLE = re.compile(r'\(\s*c\s*,([^()]*)\)')


class InstructionError(ValueError):
    """An instruction that cannot be carried out, and why."""


@dataclass(frozen=True)
class OutputFormat:
    """A class and ``num_points`` points; words, where there are none."""
    num_points: int

    @property
    def is_text(self) -> bool:
        return self.num_points == 0

    @property
    def is_outline(self) -> bool:
        return self.num_points > 2

    @property
    def is_box(self) -> bool:
        return self.num_points == 2

    @property
    def coordinate_tokens(self) -> list[str]:
        """Query tokens of the coordinates, in the order of the answer."""
        return [f'<{axis}{i + 1}>' for i in range(self.num_points) for axis in 'xy']

    def __str__(self) -> str:
        if self.is_text:
            return _TEXT
        if self.is_box:
            return '(c, x1, y1, x2, y2)'
        return f'(c, x1, y1, ..., x{self.num_points}, y{self.num_points})'


TEXT = OutputFormat(0)


def parse_format(instruction: str) -> OutputFormat:
    """Read the output tuple out of an instruction.

    Raises:
        InstructionError: No tuple, several different ones, or one whose coordinates are repeated, missing or out of
            order, or whose number of points cannot be answered.
    """
    found = {_parse_tuple(fields) for fields in _TUPLE.findall(instruction)}
    found |= {TEXT} if _TEXT in instruction else set()
    if not found:
        raise InstructionError('The instruction names no output tuple, so there is nothing to answer with. Write one, '
                               'such as (c, x1, y1, x2, y2) for boxes, (c, x1, y1, ..., x24, y24) for polygons '
                               'or (text) for words.')
    if len(found) > 1:
        raise InstructionError(f'The instruction names {len(found)} different output tuples '
                               f'({", ".join(sorted(map(str, found)))}); name one.')
    return found.pop()


def _parse_tuple(fields: str) -> OutputFormat:
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

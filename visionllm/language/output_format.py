"""The output tuple of an instruction (paper, section 3.1).

The tuple defines the task; the model gets no other task identifier:

- ``(c, x1, y1, x2, y2)``: class and bounding box;
- ``(c, x1, y1, ..., x24, y24)``: class and polygon of 24 points;
- ``(c, "nose", "left eye")``: class and keypoints of these names;
- ``(text)`` or ``(text, 92% sure)``: text, the latter with a confidence threshold.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from visionllm.errors import UserError

MIN_POLYGON_POINTS, MAX_POINTS = 4, 64
_TEXT = re.compile(r'\(\s*text\s*(?:,\s*(\d+)\s*%\s*sure\s*)?\)')
_TUPLE = re.compile(r'\(\s*c\s*,([^()]*)\)')
_NAME = re.compile(r'"([^"]*)"')


class InstructionError(UserError, ValueError):
    """An instruction is invalid; the message names the reason."""


@dataclass(frozen=True)
class OutputFormat:
    """A parsed output tuple: a class and ``num_points`` points, or text if there are none."""
    num_points: int
    point_names: tuple[str, ...] = ()  # of keypoints; empty for boxes and polygons
    certainty: int | None = None  # percent, confidence threshold of the objects that text is about; None: the default

    @property
    def is_text(self) -> bool:
        """Whether the output is text."""
        return self.num_points == 0

    @property
    def has_point_names(self) -> bool:
        """Whether the points are keypoints."""
        return bool(self.point_names)

    @property
    def is_polygon(self) -> bool:
        """Whether the points are the vertices of a polygon."""
        return self.num_points > 2 and not self.has_point_names

    @property
    def is_box(self) -> bool:
        """Whether the points are two corners of a bounding box."""
        return self.num_points == 2 and not self.has_point_names

    @property
    def coordinate_tokens(self) -> list[str]:
        """Query tokens of the coordinates, in output order. All keypoints share the tokens ``<x1>`` and ``<y1>``: they
        are distinguished by the embeddings of their names, not by their index in the tuple."""
        if self.has_point_names:
            return ['<x1>', '<y1>'] * self.num_points
        return [f'<{axis}{i + 1}>' for i in range(self.num_points) for axis in 'xy']

    def __str__(self) -> str:
        if self.is_text:
            return '(text)' if self.certainty is None else f'(text, {self.certainty}% sure)'
        if self.has_point_names:
            return f'(c, {", ".join(map(quoted, self.point_names))})'
        if self.is_box:
            return '(c, x1, y1, x2, y2)'
        return f'(c, x1, y1, ..., x{self.num_points}, y{self.num_points})'


TEXT = OutputFormat(0)


def keypoint_format(names: Sequence[str]) -> OutputFormat:
    """Output format of a class and the keypoints ``names``, in their order.

    Raises:
        InstructionError: There is no name, there are too many, one occurs twice, or one is blank or contains a double
            quote or a parenthesis.
    """
    names = tuple(name.strip() for name in names)
    if not 1 <= len(names) <= MAX_POINTS:
        raise InstructionError(f'The output tuple names {len(names)} points; 1 to {MAX_POINTS} are supported.')
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InstructionError(f'The output tuple names the point {", ".join(repeated)} twice; name each point once.')
    invalid = [name for name in names if not name or set(name) & set('"()')]
    if invalid:
        raise InstructionError(f'Point name {invalid[0]!r} is blank or contains a double quote or a parenthesis.')
    return OutputFormat(len(names), names)


def text_format(certainty: int) -> OutputFormat:
    """Output format of text about objects whose confidence is at least ``certainty`` percent.

    Raises:
        InstructionError: ``certainty`` is above 100.
    """
    if certainty > 100:
        raise InstructionError(f'The output tuple has a confidence of {certainty}%; expected 0% to 100%.')
    return OutputFormat(0, certainty=certainty)


def quoted(name: str) -> str:
    """A name in double quotes, as in output tuples."""
    return f'"{name}"'


def contains_output_tuple(text: str) -> bool:
    """Whether any part of a text reads as an output tuple, valid or not."""
    return bool(_TUPLE.search(text) or _TEXT.search(text))


def without_output_tuple(text: str) -> str:
    """A text without the tuples that ask for text."""
    return _TEXT.sub('', text).strip()


def parse_format(instruction: str) -> OutputFormat:
    """Parse the output tuple of an instruction.

    Raises:
        InstructionError: There is no tuple, there are several different ones, coordinates are repeated, missing or out
            of order, the number of points is not supported, or the tuple mixes names and coordinates.
    """
    formats = {_parse_tuple(fields) for fields in _TUPLE.findall(instruction)}
    formats |= {text_format(int(certainty)) if certainty else TEXT for certainty in _TEXT.findall(instruction)}
    if not formats:
        raise InstructionError('The instruction names no output tuple. Write one, such as (c, x1, y1, x2, y2) for '
                               'boxes, (c, x1, y1, ..., x24, y24) for polygons, (c, "nose", "left eye") for keypoints '
                               'or (text) for text.')
    if len(formats) > 1:
        raise InstructionError(f'The instruction names {len(formats)} different output tuples '
                               f'({", ".join(sorted(map(str, formats)))}); name one.')
    return formats.pop()


def _parse_tuple(fields: str) -> OutputFormat:
    if '"' in fields:
        return _parse_point_names(fields)
    names = [name.strip() for name in fields.split(',')]
    if '...' in names:
        names = _expand_ellipsis(names)
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


def _parse_point_names(fields: str) -> OutputFormat:
    names = _NAME.findall(fields)
    if [rest.strip() for rest in _NAME.sub('', fields).split(',')] != [''] * len(names):
        raise InstructionError(f'The output tuple (c,{fields}) has something beside the quoted names of keypoints; '
                               'write only these, separated by commas, as in (c, "nose", "left eye").')
    return keypoint_format(names)


def _expand_ellipsis(names: list[str]) -> list[str]:
    """Replace ``...`` by the coordinates that it stands for."""
    cut = names.index('...')
    last = re.fullmatch(r'y(\d+)', names[-1])
    if last is None or names.count('...') > 1:
        raise InstructionError(f'The output tuple (c, {", ".join(names)}) must end with the last point after "...", '
                               'as in (c, x1, y1, ..., x24, y24).')
    count = int(last[1])
    if count > MAX_POINTS:
        raise InstructionError(f'The output tuple asks for {count} points; a box has 2, a polygon '
                               f'{MIN_POLYGON_POINTS} to {MAX_POINTS}.')
    expanded = [f'{axis}{i + 1}' for i in range(count) for axis in 'xy']
    head, tail = names[:cut], names[cut + 1:]
    is_consistent = expanded[:cut] == head and expanded[len(expanded) - len(tail):] == tail
    return expanded if is_consistent else head + tail

"""What is asked of a model: one of a few forms, each of which writes the instruction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real

from visionllm.errors import UserError
from visionllm.thresholds import EXPRESSION_THRESHOLD, SCORE_THRESHOLD


class RequestError(UserError, ValueError):
    """A request that asks for nothing, or for several things at once."""


@dataclass(frozen=True)
class Request:
    """One of five forms, or the instruction itself.

    Args:
        classes: Names of things to find, any number.
        expression: A referring expression, of one thing.
        question: To answer.
        caption: Describe the image.
        instruction: A sentence with class map, output format and ``<image>``; or several, with a group of names each.
        points: With ``classes``: polygons of that many points instead of boxes.
        parts: With ``classes``: keypoints of these names instead of boxes.

    Raises:
        RequestError: Not exactly one form is given, it is blank, or ``points`` or ``parts`` do not belong to it.
    """
    classes: Sequence[str] | None = None
    expression: str | None = None
    question: str | None = None
    caption: bool = False
    instruction: str | Sequence[str] | None = None
    points: int | None = None
    parts: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.classes, str):
            object.__setattr__(self, 'classes', [self.classes])
        forms = dict(classes=self.classes, expression=self.expression, question=self.question,
                     caption=self.caption or None, instruction=self.instruction)
        given = [name for name, value in forms.items() if value is not None]
        if len(given) != 1:
            what = f'{" and ".join(given)} were given together' if given else 'nothing was asked'
            raise RequestError(f'{what}: give one of {", ".join(forms)}.')
        if given[0] in ('expression', 'question') and not forms[given[0]].strip():
            raise RequestError(f'The {given[0]} is blank.')
        with_points = self.points is not None
        if (with_points or self.parts) and (self.classes is None or with_points and self.parts):
            raise RequestError('points asks for polygons and parts for keypoints of classes: give one of them, with '
                               'classes.')

    @property
    def asks_for_one(self) -> bool:
        """Whether the answer is one object at most."""
        return self.expression is not None

    def threshold(self, given: float | Mapping[str, float] | None) -> float | list[float]:
        """The minimum score of an object, or that of each name in the instruction's order.

        Args:
            given: For all names, or by name; None, and names that are left out, have the default of the form.

        Raises:
            RequestError: A score is not a number from 0 to 1.
        """
        default = EXPRESSION_THRESHOLD if self.asks_for_one else SCORE_THRESHOLD
        if given is None:
            return default
        scores = list(given.values()) if isinstance(given, Mapping) else [given]
        wrong = [score for score in scores
                 if isinstance(score, bool) or not isinstance(score, Real) or not 0 <= score <= 1]
        if wrong:
            raise RequestError(f'threshold holds {wrong[0]!r}: it must be a number from 0 to 1, or one for each name, '
                               "such as {'cat': 0.4}.")
        if not isinstance(given, Mapping):
            return given
        from visionllm.language.instructions import class_names_of
        return [given.get(name, default) for name in class_names_of(self.write())] or default

    def write(self) -> str | tuple[str, ...]:
        """The instruction.

        Raises:
            InstructionError: Names, points or the instruction are invalid.
        """
        from visionllm.language import TASKS, InstructionError
        from visionllm.language.output_format import MAX_POINTS, MIN_POLYGON_POINTS
        if self.points is not None and not MIN_POLYGON_POINTS <= self.points <= MAX_POINTS:
            raise InstructionError(f'points is {self.points}: a polygon has {MIN_POLYGON_POINTS} to {MAX_POINTS}; '
                                   'without points, boxes are given.')
        if self.instruction is not None:
            return self.instruction if isinstance(self.instruction, str) else tuple(self.instruction)
        if self.classes is not None:
            task = 'keypoints' if self.parts else 'segmentation' if self.points else 'detection'
            return TASKS[task].write_instructions(self.classes, num_points=self.points, points=self.parts or ())
        if self.expression is not None:
            return TASKS['grounding'].write_instruction([self.expression])
        if self.question is not None:
            return TASKS['questions'].write_instruction(question=self.question)
        return TASKS['captioning'].write_instruction()

"""What the fields of a form, of the page or of the REST API, ask for."""

import re

from visionllm.inference.request import Request

_BETWEEN_NAMES = re.compile(r'[,\n]')


def read_fields(classes: str = '', points: int = 0, expression: str = '', question: str = '', instruction: str = '',
                caption: bool = False) -> Request:
    """The request of a form; empty fields are not given.

    Args:
        classes: Names, one a line or separated by commas.
        points: With classes: polygons of that many points; 0 for boxes.
        expression: A referring expression.
        question: To answer.
        instruction: One of the user's own; several sentences are a line each.
        caption: Describe the picture.

    Raises:
        RequestError: Not exactly one thing is asked.
    """
    names = [name.strip() for name in _BETWEEN_NAMES.split(classes) if name.strip()]
    sentences = [line.strip() for line in instruction.splitlines() if line.strip()]
    return Request(classes=names or None, expression=expression.strip() or None, question=question.strip() or None,
                   caption=caption, instruction=sentences[0] if len(sentences) == 1 else sentences or None,
                   points=points or None)

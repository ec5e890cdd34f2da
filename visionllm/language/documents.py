"""Documents of pictures and text: chunks of one picture and the text behind it, each the instruction of one sample.

    <image>This is a (text)dax.<|endofchunk|>   a closed chunk: its text is given, as that of a shot
    <image>This is a (text)                     an open chunk: its text is to be written, and its document ends here

As every instruction a chunk names its output tuple, ``(text)``, which stands before the answer and is not read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .instructions import IMAGE_SLOT
from .output_format import TEXT, contains_output_tuple

END_OF_CHUNK = '<|endofchunk|>'


@dataclass(frozen=True)
class Chunk:
    """A picture and the text around it."""
    before: str  # text between the previous chunk and the picture
    text: str  # behind the picture; of an open chunk what comes before the answer
    is_open: bool


def parse_chunk(instruction: str) -> Chunk:
    """The chunk that an instruction in text is."""
    text = instruction.removesuffix(END_OF_CHUNK).replace(str(TEXT), '')
    before, _, behind = text.partition(IMAGE_SLOT)
    return Chunk(before, behind, not instruction.endswith(END_OF_CHUNK))


def render_chunk(wording: str, answer: str | None = None) -> str:
    """The instruction of a chunk.

    Args:
        wording: With ``<image>``, and ``(text)`` where the answer is: ``<image>This is a (text)``.
        answer: Of a closed chunk; None for an open one.
    """
    return wording if answer is None else wording.replace(str(TEXT), f'{TEXT}{answer}') + END_OF_CHUNK


def render_document(wording: str, answers: Sequence[str]) -> list[str]:
    """The instructions of a document of closed chunks, one for each of the answers, and an open one.

    Args:
        wording: As of ``render_chunk``.
        answers: Of the closed chunks.
    """
    return [render_chunk(wording, answer) for answer in answers] + [render_chunk(wording)]


def fault_in_chunk_text(text: str) -> str | None:
    """Why a text cannot be part of a chunk; None if it can."""
    if IMAGE_SLOT in text or END_OF_CHUNK in text:
        return f'the text contains a reserved token, {IMAGE_SLOT} or {END_OF_CHUNK}'
    if contains_output_tuple(text):
        return 'the text contains an output tuple such as (text)'
    return None

"""What the server takes from anybody: bounds of a request, so that its memory is bounded and nobody waits for ever."""

from pathlib import Path

from PIL import Image

from visionllm.errors import UserError
from visionllm.inference.request import Request
from visionllm.language.instructions import class_names_of

MAX_UPLOAD = 20 * 2**20  # bytes of a request, picture included
MAX_PIXELS = 40_000_000  # of a picture; decoded, it has three bytes for each
MAX_NAMES = 200  # of a request; more by the command line
MAX_NAME_LENGTH = 100  # characters
MAX_TEXT_LENGTH = 500  # characters of an expression or a question
MAX_INSTRUCTION_LENGTH = 20_000  # characters of an instruction of the user's own
MAX_USERS = 20  # requests at once: one is computed, the others wait
MAX_WAIT = 60.0  # seconds that a request waits for its turn


class BoundError(UserError, ValueError):
    """A request that is larger than this server takes."""


class PictureTooLargeError(BoundError):
    """A picture of too many pixels, or an upload of too many bytes."""


class BusyError(UserError, RuntimeError):
    """Too many requests wait already, or this one has waited too long."""


def check_request(request: Request) -> None:
    """Refuse names and texts that are too many or too long.

    Raises:
        BoundError: They are.
        InstructionError: Names, points or the instruction are invalid.
    """
    for what, text in (('expression', request.expression), ('question', request.question)):
        _check_length(f'The {what}', text or '', MAX_TEXT_LENGTH)
    instruction = request.instruction or ''
    _check_length('The instruction', instruction if isinstance(instruction, str) else '\n'.join(instruction),
                  MAX_INSTRUCTION_LENGTH)
    _check_names(request.classes or ())
    written = request.write()
    if request.instruction is not None:
        _check_names(class_names_of(written))


def _check_names(names: list[str]) -> None:
    if len(names) > MAX_NAMES:
        raise BoundError(f'{len(names)} names were given, and this server takes {MAX_NAMES} at once: send fewer, or '
                         'use the command line (visionllm predict), which takes any number.')
    for name in names:
        _check_length(f'The name {name[:20]}...', name, MAX_NAME_LENGTH)


def _check_length(what: str, text: str, most: int) -> None:
    if len(text) > most:
        raise BoundError(f'{what} has {len(text):,} characters, and this server takes {most:,}: shorten it.')


def check_picture(path: Path, name: str) -> None:
    """Refuse a picture of too many pixels by its header, before it is decoded. A file that is no picture passes: its
    reader says why it cannot be read.

    Args:
        path: Its file.
        name: What the user calls it.

    Raises:
        PictureTooLargeError: It has too many.
    """
    most = f'this server takes {MAX_PIXELS / 1e6:.0f} million pixels: resize it.'
    try:
        with Image.open(path) as file:
            width, height = file.size
    except Image.DecompressionBombError:
        raise PictureTooLargeError(f'{name} is too large, and {most}') from None
    except (OSError, SyntaxError, ValueError):
        return
    if height * width > MAX_PIXELS:
        raise PictureTooLargeError(f'{name} has {width} x {height} pixels, and {most}')

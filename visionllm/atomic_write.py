"""Atomic writes: a full disk or a kill while saving never leaves a truncated file."""

import os
from pathlib import Path
from threading import get_native_id

from visionllm.errors import UserError


class SavingError(UserError, OSError):
    """A file that could not be written."""


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write to a temporary file, of this thread alone, and rename it when it is complete.

    Raises:
        SavingError: The disk is full, or cannot be written to; an existing file is unchanged.
    """
    partial = Path(f'{path}.{get_native_id()}.partial')
    try:
        with open(partial, 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise SavingError(
            f'{path} ({len(content) / 2**20:.1f} MB) could not be written: {error.strerror}. What was there before is '
            'whole; make room, and run it again (training goes on from its last checkpoint with --resume).') from None

"""Atomic writes: a full disk or a kill while saving never leaves a truncated file."""

import os
from pathlib import Path
from threading import get_native_id

from mmengine.fileio import LocalBackend, register_backend

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


class AtomicLocalBackend(LocalBackend):
    """mmengine's local file backend with atomic writes."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        Path(filepath).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(filepath, obj)


def install_atomic_writes() -> None:
    """Register it as mmengine's local backend, which all checkpoints go through."""
    register_backend('local', AtomicLocalBackend, force=True, prefixes='')


def last_checkpoint(work_dir: str | Path) -> str | None:
    """The checkpoint of the last iteration or epoch in a work dir, and in no other: the file ``last_checkpoint`` of a
    copied work dir names one of the original."""
    numbered = {path: _number_in(path) for pattern in ('iter_*.pth', 'epoch_*.pth')
                for path in Path(work_dir).glob(pattern)}
    return str(max(numbered, key=lambda path: (numbered[path], path.stat().st_mtime))) if numbered else None


def _number_in(path: Path) -> int:
    """The iteration or epoch in the name of a checkpoint; -1 for a name without."""
    number = path.stem.partition('_')[2]
    return int(number) if number.isdecimal() else -1

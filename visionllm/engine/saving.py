"""Files that are whole or not there: a full disk or a kill in the middle of saving costs no checkpoint."""

import os
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend


class SavingError(OSError):
    """A file that could not be written."""


def write_whole(path: str | Path, content: bytes) -> None:
    """Write a file beside its place, and put it there when it is whole.

    Raises:
        SavingError: The disk is full, or cannot be written to. What was there before still is.
    """
    partial = Path(f'{path}.partial')
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


class WholeFiles(LocalBackend):
    """mmengine's way to write to a disk, whole."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        Path(filepath).parent.mkdir(parents=True, exist_ok=True)
        write_whole(filepath, obj)


def install_whole_files() -> None:
    """Put it in the place of mmengine's own, which all checkpoints go through."""
    register_backend('local', WholeFiles, force=True, prefixes='')


def last_checkpoint(work_dir: str | Path) -> str | None:
    """The checkpoint that a work dir says is its last; the newest there is where it says nothing true."""
    noted = Path(work_dir) / 'last_checkpoint'
    named = noted.read_text().strip() if noted.exists() else ''
    if named and Path(named).exists():
        return named
    newest = max(Path(work_dir).glob('iter_*.pth'), key=lambda path: path.stat().st_mtime, default=None)
    return newest and str(newest)

"""Checkpoints are written atomically, and the last one of a work dir is found."""

from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from visionllm.atomic_write import write_atomically


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

"""Initial weights that a checkpoint overwrites at once need not be computed."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_overwritten = ContextVar('overwritten', default=False)


@contextmanager
def weights_follow() -> Iterator[None]:
    """Context for building models whose trained weights are all loaded afterwards: costly initial ones are skipped."""
    token = _overwritten.set(True)
    try:
        yield
    finally:
        _overwritten.reset(token)


def initial_weights_matter() -> bool:
    """Whether the code runs outside of ``weights_follow``."""
    return not _overwritten.get()

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from .commands import run_here


@pytest.fixture
def call() -> Callable[..., SimpleNamespace]:
    """Run a command or a tool in this process."""
    return run_here

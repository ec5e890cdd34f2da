import importlib.util
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from types import SimpleNamespace

import pytest

from ..conftest import ROOT


@pytest.fixture
def call(monkeypatch) -> Callable[..., SimpleNamespace]:
    """Run a tool in this process, which saves its imports: its exit code, and what it wrote to stdout and stderr."""
    monkeypatch.syspath_prepend(str(ROOT / 'tools'))

    def run(tool: str, *arguments) -> SimpleNamespace:
        spec = importlib.util.spec_from_file_location(f'tool_{tool}', ROOT / f'tools/{tool}.py')
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(sys, 'argv', [f'tools/{tool}.py', *map(str, arguments)])
        from _cli import run as run_tool
        code = 0
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            try:
                run_tool(module.main)
            except SystemExit as stopped:
                code = stopped.code
        return SimpleNamespace(code=code, out=out.getvalue(), err=err.getvalue())
    return run

import runpy
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from types import SimpleNamespace

import pytest

from visionllm.cli.main import COMMANDS, main

from ..conftest import ROOT


@pytest.fixture
def call(monkeypatch) -> Callable[..., SimpleNamespace]:
    """Run a command or a tool in this process, which saves its imports: its exit code, and what it wrote to stdout and
    stderr."""
    def run(command: str, *arguments) -> SimpleNamespace:
        code = 0
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            try:
                main_of(command)(list(map(str, arguments)))
            except SystemExit as stopped:
                code = stopped.code or 0
        return SimpleNamespace(code=code, out=out.getvalue(), err=err.getvalue())

    def main_of(command: str) -> Callable[[list[str]], None]:
        if command in COMMANDS:
            return lambda arguments: main([command, *arguments])
        return lambda arguments: run_script(command, arguments)

    def run_script(name: str, arguments: list[str]) -> None:
        monkeypatch.setattr(sys, 'argv', [f'tools/{name}.py', *arguments])
        runpy.run_path(str(ROOT / f'tools/{name}.py'), run_name='__main__')
    return run

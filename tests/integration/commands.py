"""Commands and tools as a user runs them: in this process, which saves its start, or in one of its own."""

import runpy
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from types import SimpleNamespace

import pytest

from visionllm.cli.main import COMMANDS, main

from ..conftest import ROOT


def run_here(command: str, *arguments: object) -> SimpleNamespace:
    """Run a command or a tool in this process: its exit code, and what it wrote to stdout and stderr."""
    code = 0
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        try:
            main_of(command)(list(map(str, arguments)))
        except SystemExit as stopped:
            code = stopped.code or 0
    return SimpleNamespace(code=code, out=out.getvalue(), err=err.getvalue())


def main_of(command: str) -> Callable[[list[str]], None]:
    """The function of a command of ``visionllm``, or of a script of ``tools``."""
    if command in COMMANDS:
        return lambda arguments: main([command, *arguments])
    return lambda arguments: run_script(command, arguments)


def run_script(name: str, arguments: list[str]) -> None:
    """Run a script of ``tools``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', [f'tools/{name}.py', *arguments])
        runpy.run_path(str(ROOT / f'tools/{name}.py'), run_name='__main__')


def run_process(command: str, *arguments: object) -> str:
    """Run a command as a process of its own, which must succeed, and return all that it wrote."""
    done = subprocess.run([sys.executable, '-m', 'visionllm', command, *map(str, arguments)], cwd=ROOT,
                          capture_output=True, text=True)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text[-3000:]
    return text

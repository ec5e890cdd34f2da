"""Every command of the README and of docs/ exists: its tools, configs and files are there, and its flags are known."""

import re
import shlex
import subprocess
import sys
from functools import cache

import pytest

from .conftest import ROOT

README = (ROOT / 'README.md').read_text()
DOCS = '\n'.join(path.read_text() for path in sorted((ROOT / 'docs').glob('*.md')))
FOUND = re.findall(r'(?:^|`)((?:python tools/|make )[^`\n|]+)', README + DOCS, re.M)
COMMANDS = sorted({line.strip() for line in FOUND})


@cache
def usage_of(tool: str) -> str:
    return subprocess.run([sys.executable, tool, '--help'], cwd=ROOT, capture_output=True, text=True).stdout


def test_commands_are_found():
    assert 'make demo' in COMMANDS and 'make test' in COMMANDS
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize('command', [c for c in COMMANDS if c.startswith('make')])
def test_make_targets_exist(command):
    target = shlex.split(command)[1]
    assert re.search(rf'^{target}:', (ROOT / 'Makefile').read_text(), re.M)


@pytest.mark.parametrize('command', [c for c in COMMANDS if c.startswith('python')])
def test_tools_files_and_flags_exist(command):
    words = shlex.split(command)
    usage = usage_of(words[1])
    for word in words[2:]:
        if word.startswith('--'):
            assert word in usage, word
        elif word.startswith(('configs/', 'weights/')):
            assert (ROOT / word).exists(), word

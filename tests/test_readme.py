"""The documentation: its commands, files and links exist, its README is short, and every registered part is in it."""

import re
import shlex
import subprocess
import sys
from functools import cache
from itertools import takewhile
from pathlib import Path

import pytest

from .conftest import ROOT

README = ROOT / 'README.md'
PAGES = sorted([README, ROOT / 'CONTRIBUTING.md', ROOT / 'CHANGELOG.md', ROOT / 'data/README.md',
                *(ROOT / 'docs').rglob('*.md')])
TEXTS = {page: page.read_text() for page in PAGES}
COMMAND = re.compile(r'(?:^|`)(?:\$ )?((?:[A-Z_]+=\S+ )*(?:python tools/|tools/|make |visionllm )[^`\n|#]+)', re.M)
COMMANDS = sorted({line.strip() for text in TEXTS.values() for line in COMMAND.findall(text)})
PATH = re.compile(r'`((?:visionllm|tools|configs|tests|weights|docs)/[\w./-]+)`')
LINK = re.compile(r'\]\(([^)\s]+)\)')
NAMING = {'study', 'benchmark'}  # commands with names, each on a line of the usage
README_LINES, README_CELL = 120, 160

names = {page: str(page.relative_to(ROOT)) for page in PAGES}
each_page = pytest.mark.parametrize('page', PAGES, ids=names.get)


@cache
def usage_of(*tool: str) -> str:
    tool = ('-m', *tool) if tool[0] == 'visionllm' else tool
    return subprocess.run([sys.executable, *tool, '--help'], cwd=ROOT, capture_output=True, text=True).stdout


def without_code(text: str) -> str:
    return re.sub(r'^```.*?^```', '', text, flags=re.M | re.S)


def anchors_of(page: Path) -> set[str]:
    """Names of a page's headings, as GitHub makes them."""
    headings = re.findall(r'^#+ (.*)', without_code(TEXTS[page]), re.M)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


def test_pages_and_commands_are_found():
    assert len(PAGES) >= 15
    assert {'make demo', 'make test', 'make weights'} <= set(COMMANDS)
    assert len(COMMANDS) >= 40


@pytest.mark.parametrize('command', [c for c in COMMANDS if c.startswith('make')])
def test_make_targets_exist(command):
    target = shlex.split(command)[1]
    assert re.search(rf'^{target}:', (ROOT / 'Makefile').read_text(), re.M)


@pytest.mark.parametrize('command', [c for c in COMMANDS if not c.startswith('make')])
def test_tools_files_and_flags_exist(command):
    words = [word for word in shlex.split(command) if word != 'python' and not re.match('[A-Z_]+=', word)]
    tool, *arguments = words
    if tool == 'visionllm':
        named = [] if arguments[0].isupper() else arguments[:1]  # not COMMAND, which stands for any
        check_arguments((tool, *named), arguments[1:])
    else:
        assert (ROOT / tool).is_file()
        check_arguments((tool,), arguments)


def check_arguments(tool: tuple[str, ...], arguments: list[str]) -> None:
    for word in arguments:
        if word.startswith(('configs/', 'visionllm/', 'docs/')) and not word.startswith('docs/benchmark_'):
            assert (ROOT / word).exists(), word
    if tool[0].endswith('.sh'):
        return
    if tool[1:] in (('data', ), ('inspect', )):  # whose commands have flags of their own
        tool = (*tool, *arguments[:1])
    usage = usage_of(*tool)
    for word in arguments:
        assert not word.startswith('--') or word in usage, word
    named = takewhile(re.compile('[a-z_]+').fullmatch, arguments) if tool[-1] in NAMING else ()
    assert not [word for word in named if not re.search(rf'^{word} ', usage, re.M)]


@each_page
def test_links_resolve(page):
    for link in LINK.findall(without_code(TEXTS[page])):
        if re.match(r'\w+:', link):
            continue
        path, _, anchor = link.partition('#')
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors_of(target), link


@each_page
def test_named_files_exist(page):
    lacking = [path for path in PATH.findall(TEXTS[page]) if not (ROOT / path).exists()]
    assert not lacking


def test_the_readme_is_short():
    lines = TEXTS[README].splitlines()
    assert len(lines) <= README_LINES
    cells = [cell.strip() for line in lines if line.startswith('|') for cell in line.split('|')]
    assert max(map(len, cells)) <= README_CELL


def test_every_registered_part_is_documented():
    code = '\n'.join(path.read_text() for path in sorted((ROOT / 'visionllm').rglob('*.py')))
    parts = re.findall(r'register_module\(\)\n(?:class|def) (\w+)', code)
    documented = TEXTS[ROOT / 'docs/reference/parts.md']
    assert len(parts) > 40
    assert not [part for part in parts if f'`{part}`' not in documented]


def test_every_config_is_documented():
    folders = ('visionllm', 'deformable_detr', 'guided_detr', 'recipes')
    configs = {path.relative_to(ROOT).as_posix() for folder in folders
               for path in (ROOT / 'configs' / folder).glob('*.py')}
    documented = TEXTS[ROOT / 'docs/reference/configs.md']
    assert configs and not [path for path in sorted(configs) if path not in documented]

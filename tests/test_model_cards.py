"""Figures of the model cards, of the comparison and of the README are those of docs/results, with the same commands."""

import re

import pytest

from .conftest import ROOT

DOCS = ROOT / 'docs'
RESULTS = {path.stem: path.read_text() for path in (DOCS / 'results').glob('*.md')}
SOURCES = {'README.md': ('photographs', 'scenes'), 'docs/models/photo.md': ('photographs', ),
           'docs/models/scenes.md': ('scenes', ), 'docs/models/comparison.md': ('photographs', )}
FIGURE = re.compile(r'(?<![\w.])\d+\.\d+')
COMMAND = re.compile(r'`(visionllm study [^`]*)`')
PUBLISHED = 'published |'  # rows with figures of others


def rows_of(page: str) -> list[str]:
    """Rows of the page's tables that hold figures of this project's own."""
    text = (ROOT / page).read_text()
    return [line for line in text.splitlines() if line.startswith('|') and FIGURE.search(line)
            and not line.endswith(PUBLISHED)]


@pytest.mark.parametrize('page', SOURCES)
def test_figures_are_those_of_the_results(page):
    results = {figure for name in SOURCES[page] for figure in FIGURE.findall(RESULTS[name])}
    rows = rows_of(page)
    assert len(rows) >= 5
    lacking = [figure for row in rows for figure in FIGURE.findall(COMMAND.sub('', row)) if figure not in results]
    assert not lacking


@pytest.mark.parametrize('page', SOURCES)
def test_commands_are_those_of_the_results(page):
    results = '\n'.join(RESULTS[name] for name in SOURCES[page])
    commands = COMMAND.findall('\n'.join(rows_of(page)))
    parts = {command: command.replace('visionllm study blind --model photo --task', '--task') for command in commands}
    assert commands and not [command for command, part in parts.items() if part not in results]


def test_figures_of_others_are_marked():
    rows = [row for row in (DOCS / 'models/comparison.md').read_text().splitlines() if row.endswith(PUBLISHED)]
    assert len(rows) >= 5

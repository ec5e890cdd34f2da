"""The documentation site: it builds without a warning, holds every page, and fetches nothing."""

import re
import subprocess
import sys

import pytest

from visionllm.cli.main import COMMANDS

from .conftest import ROOT

for package in ('mkdocs', 'material', 'mkdocstrings'):
    pytest.importorskip(package, reason='the site is built by pip install .[docs]')
FETCHED = re.compile(r'<(?:script|img|iframe)[^>]*\ssrc="?https?:|'
                     r'<link[^>]*rel="?(?:stylesheet|preconnect)[^>]*https?:')


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """The built site."""
    folder = tmp_path_factory.mktemp('site')
    process = subprocess.run([sys.executable, '-m', 'mkdocs', 'build', '--strict', '--site-dir', str(folder)], cwd=ROOT,
                             capture_output=True, text=True)
    assert process.returncode == 0, process.stderr[-3000:]
    return folder


def test_every_page_is_built(site):
    pages = {path.relative_to(ROOT / 'docs').with_suffix('.html') for path in (ROOT / 'docs').rglob('*.md')}
    assert len(pages) > 20
    assert not [str(page) for page in pages if not (site / page).is_file()]


def test_pages_fetch_nothing_from_elsewhere(site):
    pages = list(site.rglob('*.html'))
    fetching = {page.name: FETCHED.findall(page.read_text()) for page in pages}
    assert pages and not {name: found for name, found in fetching.items() if found}


def test_reference_is_that_of_the_code(site):
    commands, python = ((site / f'reference/{name}.html').read_text() for name in ('commands', 'python'))
    assert '--coco FILE' in commands and 'SOURCE' in commands
    assert 'help:' not in re.sub(r'show this help.*', '', commands)
    assert 'save_pretrained' in python and 'to_supervision' in python


def test_links_out_of_the_folder_lead_to_pages(site):
    assert 'href="changelog.html"' in (site / 'index.html').read_text()
    assert 'href="../data-formats.html"' in (site / 'learn/training.html').read_text()


def test_every_command_is_in_the_reference():
    page = (ROOT / 'docs/reference/commands.md').read_text()
    assert not [name for name in COMMANDS if f'<!-- help: {name}' not in page]

"""Hooks of ``mkdocs.yml``: the help of commands as the commands print it, and pages from outside ``docs``."""

import os
import posixpath
import re
import subprocess
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
PAGES = {'changelog.md': 'CHANGELOG.md', 'contributing.md': 'CONTRIBUTING.md', 'data-formats.md': 'data/README.md'}
HELP = re.compile(r'<!-- help: ([\w ]*?) ?-->')
LINK = re.compile(r'\[([^\[\]]*)\]\(([^)\s:#]+)(#[^)\s]*)?\)')
COLUMNS = '100'  # of the help


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie elsewhere in the repository."""
    for name, path in PAGES.items():
        files.append(File.generated(config, name, content=(ROOT / path).read_text(encoding='utf-8')))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill in the help of commands, and turn links between files of the repository into links between pages."""
    name = page.file.src_uri
    source = PAGES.get(name, f'docs/{name}')
    markdown = LINK.sub(lambda match: site_link(match, name, source), markdown)
    return HELP.sub(lambda match: help_of(match[1].split()), markdown)


def site_link(match: re.Match, name: str, source: str) -> str:
    """A link of a page; to what is not part of the site, its text alone.

    Args:
        match: Of ``LINK``.
        name: Of the page in the site.
        source: Of its file in the repository.
    """
    text, link, anchor = match[1], match[2], match[3] or ''
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    names = {path: page for page, path in PAGES.items()}
    if target not in names and not target.startswith('docs/'):
        return f'`{text.strip("`")}`'
    page = names.get(target, target.removeprefix('docs/'))
    return f'[{text}]({posixpath.relpath(page, posixpath.dirname(name) or ".")}{anchor})'


def help_of(command: list[str]) -> str:
    """What a command prints about itself, as a block of code."""
    process = subprocess.run([sys.executable, '-m', 'visionllm', *command, '--help'], cwd=ROOT, check=True, text=True,
                             capture_output=True, env=os.environ | dict(COLUMNS=COLUMNS))
    return f'```text\n{process.stdout}```'

"""Whether the tests of the page, tests/web, run here."""

import pytest


def test_the_page_is_tested():
    for name in ('gradio', 'playwright'):
        pytest.importorskip(name, reason=f'tests/web needs {name}: pip install -e ".[dev]"')

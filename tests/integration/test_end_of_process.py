"""A process of ``visionllm predict`` ends at once, and leaves nothing undone."""

import subprocess
import sys

import pytest

END = """
import atexit, sys
from visionllm.cli.common import end_after
atexit.register(lambda: print('registered'))
sys.stdout.write('written, ')
end_after(lambda: {})
"""


@pytest.mark.parametrize(('action', 'code'), [('None', 0), ('sys.exit(1)', 1), ('sys.exit()', 0)])
def test_what_was_written_and_registered_is_done(action, code):
    done = subprocess.run([sys.executable, '-c', END.format(action)], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ('written, registered\n', code)


def test_an_error_is_raised_as_usual():
    done = subprocess.run([sys.executable, '-c', END.format('1 / 0')], capture_output=True, text=True)
    assert done.returncode == 1 and 'ZeroDivisionError' in done.stderr

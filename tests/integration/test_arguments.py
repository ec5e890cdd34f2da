"""Wrong arguments are reported in one sentence, and help is there at once: nothing heavy is imported for either."""

import subprocess
import sys

import pytest

from ..conftest import ROOT

TOOLS = sorted(path.stem for path in (ROOT / 'tools').glob('*.py') if 'Parser(' in path.read_text())
HEAVY = '{"torch", "mmengine", "transformers", "cv2"} & set(sys.modules)'
SHOW = f"""
import atexit, runpy, sys
atexit.register(lambda: print({HEAVY} or 'light', file=sys.stderr))
sys.argv[0] = PATH
runpy.run_path(PATH, run_name='__main__')
"""


def run_tool(name, *arguments):
    code = SHOW.replace('PATH', repr(str(ROOT / f'tools/{name}.py')))
    return subprocess.run([sys.executable, '-c', code, *arguments], cwd=ROOT, capture_output=True, text=True)


def test_tools_were_found():
    assert len(TOOLS) > 8 and 'label_studio_backend' in TOOLS


@pytest.mark.parametrize('tool', [*TOOLS, 'train', 'infer', 'data'])
def test_help_comes_at_once(tool):
    done = run_tool(tool, '--help')
    assert done.returncode == 0 and done.stdout.startswith('usage: ') and done.stderr == 'light\n'


@pytest.mark.parametrize(('tool', 'arguments', 'sentence'), [
    ('infer', ['a.jpg'],
     'One of the arguments --classes --expression --question --caption --instruction is required; visionllm predict'),
    ('infer', ['a.jpg', '--caption', '--colour', 'red'], 'Unrecognized arguments: --colour red; visionllm predict'),
    ('infer', ['a.jpg', '--caption', '--batch-size', 'many'],
     "Argument --batch-size: invalid int value: 'many'; visionllm predict"),
    ('train', ['gone.py'], 'Argument config: there is no config gone.py; visionllm train'),
    ('data', ['chek'], "invalid choice: 'chek'"),
    ('merge_coco', ['out'], 'The following arguments are required: split, FOLDER:SPLIT; merge_coco.py'),
    ('label_studio_backend', ['--port', 'x'], "Argument --port: invalid int value: 'x'; label_studio_backend.py"),
])
def test_a_mistake_is_one_sentence(tool, arguments, sentence):
    done = run_tool(tool, *arguments)
    line, light = done.stderr.splitlines()
    assert done.returncode == 2 and done.stdout == '' and light == 'light'
    assert line.startswith('error: ') and sentence in line and line.endswith(' --help says what it takes.')

"""What the README and the pages of docs show is run: every block of Python and every command of ``visionllm``.

A page's blocks are run in order, in a folder with the photographs of the package. In a ``console`` block lines that
start with ``$`` are commands, and the lines below are what they print in a terminal; a block titled "printed" is what
the block of Python above it prints. Numbers may differ a little between machines. A block titled "needs ..." is not
run, but its commands must exist; one that needs packages is run where they are installed.
"""

import contextlib
import io
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import pytest

from visionllm.apis.model_files import ModelConfig
from visionllm.assets import IMAGES
from visionllm.cli.main import build_parser, main
from visionllm.datasets.scene_files import write_coco_folder
from visionllm.language import InstructionError, parse_instruction

from .conftest import ROOT

PAGES = [ROOT / 'README.md', *(page for name in ('learn', 'models', 'extending')
                              for page in sorted((ROOT / 'docs' / name).glob('*.md')))]
FENCE = re.compile(r'^```(\w*)(?: title="([^"]*)")?\n(.*?)^```$', re.M | re.S)
NUMBER = re.compile(r'\d+\.\d+')
COMMAND = re.compile(r'^(?:\$ )?(visionllm .*)', re.M)
PACKAGES = re.compile(r'needs the packages? (.+)')
TOLERANCE = 0.03  # of numbers between machines
NOT_RUN = {'', 'bash', 'text', 'json'}  # languages


@dataclass(frozen=True)
class Block:
    """A block of code of a page."""
    language: str
    title: str
    code: str
    printed: str | None  # by a block of Python

    @property
    def is_run(self) -> bool:
        """Whether nothing that it needs is lacking."""
        packages = PACKAGES.match(self.title)
        return all(map(find_spec, packages[1].split(' and '))) if packages else not self.title.startswith('needs ')


def read_blocks(page: Path) -> list[Block]:
    """All blocks of a page, with the output that it shows."""
    found = [match.groups() for match in FENCE.finditer(page.read_text())]
    after = [*found[1:], ('', '', '')]
    return [Block(language, title or '', code, output if heading == 'printed' else None)
            for (language, title, code), (_, heading, output) in zip(found, after)]


class Terminal(io.StringIO):
    """Standard output that is a terminal."""

    def isatty(self) -> bool:
        """True."""
        return True


def run_command(line: str) -> str:
    """What a command prints; into a file or a pipe where it says so."""
    command, pipe, rest = line.partition(' | ')
    command, redirection, path = command.partition(' > ')
    out = io.StringIO() if pipe or redirection else Terminal()
    with contextlib.redirect_stdout(out):
        try:
            main(shlex.split(command, comments=True)[1:])
        except SystemExit as exit_:
            assert exit_.code in (0, None), line
    if redirection:
        Path(path.strip()).write_text(out.getvalue())
        return ''
    if pipe:
        return subprocess.run(rest, shell=True, input=out.getvalue(), capture_output=True, text=True, check=True).stdout
    return out.getvalue()


def run_console(code: str) -> None:
    """Run the commands of a block, and compare what they print."""
    for part in re.split(r'^\$ ', code, flags=re.M)[1:]:
        line, _, expected = part.partition('\n')
        assert_same(run_command(line), expected)


def run_python(block: Block, namespace: dict) -> None:
    """Run a block of Python, and compare what it prints where the page shows it."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(block.code, 'block', 'exec'), namespace)
    if block.printed is not None:
        assert_same(out.getvalue(), block.printed)


def assert_same(printed: str, expected: str) -> None:
    """Compare two texts, and the numbers in them."""
    if expected.strip():
        assert NUMBER.sub('0.0', printed).strip() == NUMBER.sub('0.0', expected).strip()
        assert [*map(float, NUMBER.findall(printed))] == pytest.approx([*map(float, NUMBER.findall(expected))],
                                                                       abs=TOLERANCE)


@pytest.fixture(scope='module', autouse=True)
def _models_are_loaded_once():
    """Each model is built for the first block that uses it."""
    models, build = {}, ModelConfig.build

    def build_once(config: ModelConfig, weights: str) -> object:
        if str(weights) not in models:
            models[str(weights)] = build(config, weights)
        return models[str(weights)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelConfig, 'build', build_once)
        yield


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What the pages speak of: photographs, a video, and data of one's own."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(IMAGES, 'photos', ignore=shutil.ignore_patterns('*.md'))
    for path in sorted(Path('photos').iterdir()):
        shutil.copy(path, path.name)
    shutil.copy('coffee.jpg', 'photo.jpg')
    Path('visionllm').mkdir()
    shutil.copytree('photos', 'visionllm/images')
    Path('names.txt').write_text('cup\ncat\n')
    frame = cv2.imread('cat.jpg')
    video = cv2.VideoWriter('video.mp4', cv2.VideoWriter_fourcc(*'mp4v'), 5, frame.shape[1::-1])
    for _ in range(2):
        video.write(frame)
    video.release()
    write_coco_folder('data/own', 'train', 6, 0)
    return tmp_path


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_blocks_run(page, folder):
    namespace = {}
    for block in read_blocks(page):
        if not block.is_run:
            continue
        if block.language == 'console':
            run_console(block.code)
        if block.language == 'python':
            run_python(block, namespace)


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_blocks_are_run_or_say_what_they_need(page):
    for block in read_blocks(page):
        assert block.language in NOT_RUN | {'python', 'console'}, block.language
        if not block.title.startswith('needs ') and block.language != 'console':
            assert not COMMAND.search(block.code), f'not run: {COMMAND.search(block.code)[1]}'


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_commands_that_are_not_run_exist(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for folder in ('configs', 'visionllm', 'docs'):
        (tmp_path / folder).symlink_to(ROOT / folder)
    for block in read_blocks(page):
        if not block.is_run:
            for line in COMMAND.findall(block.code):
                words = shlex.split(line, comments=True)[1:]
                write_files_of(words)
                build_parser().parse_args([word for word in words if not word.startswith('@')])


def write_files_of(words):
    """The checkpoints and files of thresholds that a command names."""
    for path in map(Path, words):
        if path.suffix in ('.pth', '.json'):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text('{"cat": 0.4}')


def test_instructions_on_their_page_are_read():
    page = ROOT / 'docs/learn/instructions.md'
    examples = [block.code for block in read_blocks(page) if '<image>' in block.code and 'entry' not in block.code]
    read, text = 0, ''
    for line in ''.join(examples).splitlines():
        text = f'{text}\n{line}'.strip()
        if '<image>' in text and ', x1' in text or '(c, "' in text or '(text' in text:
            parse_instruction(text)
            read, text = read + 1, ''
    assert read == 8 and not text


def test_errors_on_the_page_of_instructions_are_raised():
    rows = re.findall(r'^\| `([^`]*)` \| (The [^|]*) \|$', (ROOT / 'docs/learn/instructions.md').read_text(), re.M)
    assert len(rows) == 5
    for text, message in rows:
        with pytest.raises(InstructionError) as raised:
            parse_instruction(text)
        assert str(raised.value).startswith(message.replace('`', '').removesuffix(' ...'))


def test_enough_is_run():
    blocks = [block for page in PAGES for block in read_blocks(page) if block.is_run]
    assert sum(block.language == 'python' for block in blocks) >= 10
    assert sum(len(COMMAND.findall(block.code)) for block in blocks if block.language == 'console') >= 20


@pytest.mark.parametrize(('printed', 'expected'), [('cup 0.96', 'cup 0.70'), ('cup 0.96', 'cat 0.96'), ('', 'cup')])
def test_other_output_is_noticed(printed, expected):
    with pytest.raises(AssertionError):
        assert_same(printed, expected)

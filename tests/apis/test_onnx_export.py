"""Exported models, run by onnxruntime, beside the models themselves; names that were not known at the export."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh
from mmengine.registry import init_default_scope

from visionllm import VisionLLM
from visionllm.apis.inferencer import Inferencer
from visionllm.apis.model_files import ModelConfig
from visionllm.apis.onnx_export import ExportedModel, ExportError, Vocabulary, export_onnx, files, graphs
from visionllm.apis.onnx_export.detectors import detector_graph
from visionllm.apis.onnx_export.onnx_graph import ReportedDetections
from visionllm.assets import IMAGES
from visionllm.cli.main import main
from visionllm.language import TASKS, InstructionError
from visionllm.models import TransformersDetector
from visionllm.structures import Detections
from visionllm.structures.detections import group_by_box

from ..conftest import ROOT, load_config
from ..models.detectors.tiny_detectors import NAMES, write_detr, write_onnx
from ..test_documentation_blocks import assert_same, read_blocks

PAGE = ROOT / 'docs/learn/export.md'
OTHER_NAMES = ('person', 'vehicle', 'animal', 'kitty', 'cat', 'dining table', 'food')
MIN_SCORE = 0.02  # below it the order of answers says nothing
pytest.importorskip('onnxscript')
pytest.importorskip('onnxruntime')


def build_tiny(detector, num_classes=3):
    """A model for photographs with a tiny detector and a tiny language model, with random weights."""
    model = load_config('configs/visionllm/visionllm_ssd-mobilenet-v2_coco.py').model
    llm = load_config('configs/visionllm/visionllm_tiny_scenes.py').model.llm
    model.update(llm=dict(llm, text_lora=True), refiners=None, init_cfg=None, heads=dict(tuples=model.heads.tuples))
    model.connector.update(detector=detector, num_tokens=10)
    model.heads.tuples.coordinates.location_prior.mask_branch = None
    model.heads.tuples.class_reader.update(num_classes=num_classes, expression_guidance=None)
    torch.manual_seed(0)
    return MODELS.build(model).eval()


def compare(inferencer, exported, image, names, least=MIN_SCORE):
    """Largest differences of boxes in pixels and of scores, and the number of answers that are compared; where scores
    are nearly equal, answers may have changed places."""
    instruction = TASKS['detection'].write_instruction(names)
    found, = inferencer([image], ['image'], instruction, 0.0)
    boxes, scores, labels = exported(image)
    assert len(found) == (scores > 0).sum()
    worst, count = [0.0, 0.0], 0
    for box, score, name in zip(found.boxes, found.scores, found.names):
        if score < least:
            continue
        same = labels == names.index(name)
        distance = np.abs(boxes - np.float32(box)).max(1) + 1e3 * (~same) + 1e4 * np.abs(scores - score)
        nearest = distance.argmin()
        worst = np.maximum(worst, [np.abs(boxes[nearest] - box).max() + 1e3 * (~same[nearest]),
                                   abs(scores[nearest] - score)])
        count += 1
    return *worst, count


@pytest.fixture(scope='module')
def photo():
    return VisionLLM('photo', device='cpu')


@pytest.fixture(scope='module')
def exported_photo(photo, tmp_path_factory):
    folder = tmp_path_factory.mktemp('exported')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelConfig, 'build', lambda config, weights: photo.inferencer.model)
        main(['export', 'photo', '--onnx', str(folder), '--classes', 'dog', 'cat'])
        main(['export', 'photo', '--vocabulary', str(folder / 'other.npz'), '--classes', *OTHER_NAMES])
    return folder / 'model.onnx'


def test_twenty_photographs_with_names_that_were_not_exported(photo, exported_photo, data):
    exported = ExportedModel(exported_photo, Vocabulary.load(exported_photo.parent / 'other.npz'))
    paths = sorted((data / 'coco-mini/val2017').glob('*.jpg'))[:20]
    assert len(paths) == 20
    compared = 0
    for path in paths:
        pixels, score, count = compare(photo.inferencer, exported, cv2.imread(str(path))[..., ::-1], OTHER_NAMES)
        assert pixels < 0.5 and score < 1e-3, path
        compared += count
    assert compared > 100


def test_the_example_of_the_page_runs(exported_photo, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'exported').symlink_to(exported_photo.parent)
    (tmp_path / 'cat.jpg').symlink_to(IMAGES / 'cat.jpg')
    block, = (block for block in read_blocks(PAGE) if 'onnxruntime' in block.code and block.language == 'python')
    assert len(block.code.strip().splitlines()) <= 12
    exec(compile(block.code, 'block', 'exec'), {})
    assert_same(capsys.readouterr().out, block.printed)


def test_the_file_says_what_it_takes_and_gives(exported_photo):
    session = ExportedModel(exported_photo, None).session
    assert [(each.name, each.shape, each.type) for each in session.get_inputs()] == [
        ('image', [300, 300, 3], 'tensor(uint8)'), ('vocabulary', [96, 'names'], 'tensor(float)'),
        ('canonical', ['names'], 'tensor(int64)')]
    described = session.get_modelmeta().custom_metadata_map
    assert {'task', 'imgsz', 'resize', 'detector', 'words', 'version'} < set(described)
    for each in (*session.get_inputs(), *session.get_outputs()):
        assert described[each.name].startswith(('RGB picture uint8[', 'float[', 'int64['))


@pytest.fixture(scope='module')
def tiny_model(tmp_path_factory):
    init_default_scope('mmdet')
    folder = write_detr(tmp_path_factory.mktemp('detector') / 'lw_detr', 'lw_detr')
    model = build_tiny(dict(type='TransformersDetector', source=folder, random_config=dict(decoder_layers=1)))
    model.heads['tuples'].max_per_img = 800  # 10 boxes of 80 names: the last ones of random weights have equal scores
    for parameter in model.heads['tuples'].class_reader.similarity.parameters():
        parameter.data.zero_()  # nothing is like "thing 7"
    model.heads['tuples'].class_reader.calibration.data.copy_(torch.tensor([1.0, 4.0]))  # scores above 1e-6
    return model


def test_a_detector_of_transformers(tiny_model, tmp_path):
    path = export_onnx(tiny_model, tmp_path, ['cat'])
    saved = np.load(tmp_path / 'vocabulary.npz')
    assert saved['names'].tolist() == ['cat'] and saved['vocabulary'].shape == (19, 1)
    image = np.random.default_rng(0).integers(0, 256, (50, 80, 3), np.uint8)
    for names in (['a thing'], ['cat', 'dog', 'kitty', 'cats'], [f'thing {i}' for i in range(80)]):
        exported = ExportedModel(path, Vocabulary.read(tiny_model, names))
        pixels, score, count = compare(Inferencer(tiny_model, None), exported, image, names, 0.0)
        assert pixels < 0.5 and score < 1e-3 and count > 5


def test_a_detector_in_an_onnx_file(tmp_path):
    file = write_onnx(tmp_path / 'a.onnx', shape=(1, 3, 6, 4))
    model = build_tiny(dict(type='OnnxDetector', source=file, label_set=[*NAMES, 'car']), num_classes=4)
    path, names = export_onnx(model, tmp_path, ['cat']), ['dog', 'wheel']
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    exported = ExportedModel(path, Vocabulary.read(model, names))
    pixels, score, count = compare(Inferencer(model, None), exported, image, names, 0.0)
    assert pixels < 0.5 and score < 1e-3 and count > 5


def test_reported_boxes_are_joined_as_in_the_model():
    boxes = torch.tensor([[0., 0, 4, 6], [1, 1, 3, 3], [0, 0, 4, 6], [2, 1, 3, 3]])
    labels, scores = torch.tensor([2, 0, 1, 0]), torch.tensor([0.9, 0.8, 0.3, 0.2])
    places = bbox_xyxy_to_cxcywh(boxes / torch.tensor([4, 6, 4, 6]))
    expected = group_by_box(places, scores, labels, 3).top(3)
    found = Detections(*ReportedDetections((4, 6), 3)(labels[None], boxes[None], scores[None]))
    assert (found.boxes[0, 2] == 0).all() and found.boxes.shape == (1, 4, 4)
    for name in ('boxes', 'class_logits', 'embeddings'):
        assert torch.allclose(getattr(found.top(3), name), getattr(expected, name), atol=1e-5)


def test_what_cannot_be_exported_is_explained(tiny, tiny_model, tmp_path, monkeypatch):
    with pytest.raises(ExportError, match='reads each picture with its language model'):
        export_onnx(tiny, tmp_path, ['star'])
    with pytest.raises(ExportError, match='81 names were given, and a vocabulary has 80 at most: write several'):
        export_onnx(tiny_model, tmp_path, [f'thing {i}' for i in range(81)])
    with pytest.raises(InstructionError, match='names cat twice'):
        Vocabulary.read(tiny_model, ['cat', 'cat'])
    padded = TransformersDetector(write_detr(tmp_path / 'detr', 'detr'), random_config={})
    with pytest.raises(ExportError, match='keeps the aspect ratio of images'):
        detector_graph(padded)
    with pytest.raises(ExportError, match='Identity cannot be exported to ONNX; OnnxDetector, TensorFlowSSD'):
        detector_graph(torch.nn.Identity())
    monkeypatch.setattr(graphs, 'find_spec', lambda name: None if name.startswith('onnx') else name)
    with pytest.raises(ExportError, match=r'onnx and onnxscript and onnxruntime: `pip install "visionllm\[export'):
        export_onnx(tiny_model, tmp_path, ['cat'])


def test_a_file_with_other_answers_is_noticed(photo, exported_photo):
    vocabulary = Vocabulary.load(exported_photo.parent / 'other.npz')
    other = replace(vocabulary, vocabulary=vocabulary.vocabulary[:, ::-1].copy())
    with pytest.raises(ExportError, match='model.onnx has other answers than the model on'):
        files.compare(photo.inferencer.model, ExportedModel(exported_photo, other))


def test_an_expression_is_no_vocabulary(photo):
    with pytest.raises(ExportError, match="'the leftmost dog' is read as an expression"):
        Vocabulary.read(photo.inferencer.model, ['the leftmost dog'])


@pytest.mark.parametrize(('arguments', 'words'), [
    (['photo'], 'Say what to write'), (['photo', '--onnx', 'out'], 'need the names to find: --classes NAME')])
def test_what_is_missing_on_the_command_line(arguments, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(['export', *arguments])
    assert stopped.value.code == 2 and words in capsys.readouterr().err

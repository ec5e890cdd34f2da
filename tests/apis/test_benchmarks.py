import copy
from pathlib import Path
from unittest.mock import Mock, patch

import pytest
import torch

from visionllm import VisionLLM
from visionllm.apis.benchmarks import (
    CocoEvalBenchmark,
    DecodingBenchmark,
    DeformableAttentionBenchmark,
    DetectorBenchmark,
    HeadStepBenchmark,
    TaskStepBenchmark,
    build_model,
    coco_eval_suite,
    decoding_suite,
    deformable_attention_suite,
    detector_suite,
    loading_suite,
    photographs,
    roofline_suite,
    time_rows,
    training_suite,
    vocabulary_suite,
)
from visionllm.apis.benchmarks.photographs import FolderBenchmark
from visionllm.apis.benchmarks.roofline import count_flops
from visionllm.datasets import LVIS_NAMES
from visionllm.datasets.scenes import SHAPES
from visionllm.language import TASKS

TINY = 'configs/visionllm/visionllm_tiny_scenes.py'
FIVE = 'configs/visionllm/visionllm_nano_scenes-five-tasks.py'
DEFORMABLE_DETR = 'configs/deformable_detr/deformable-detr_nano_scenes.py'
SHARED = [TASKS['detection'].write_instruction(SHAPES)] * 3
PHRASES = [TASKS['grounding'].write_instruction([phrase], wording)
           for wording, phrase in enumerate(('red star', 'a ring'))]


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    return f'{tmp_path_factory.mktemp("scenes")}/'


@pytest.fixture
def suites(tiny, scenes):
    """Each at its smallest."""
    model = copy.deepcopy(tiny)
    ours = build_model(TINY, 'wheel:smollm2-135m-instruct', 'wheel:all-minilm-l6-v2')
    return dict(
        decoding=decoding_suite(DecodingBenchmark(tiny.llm, prefix=12, tuples=4), points=3, selected=2),
        roofline=roofline_suite(DecodingBenchmark(tiny.llm, prefix=12, tuples=4), points=3, selected=2,
                                matrix_size=64, num_values=1000),
        detector=detector_suite(DetectorBenchmark(ours, size=(64, 96), reference=DEFORMABLE_DETR)),
        vocabulary=vocabulary_suite(DetectorBenchmark(ours, size=(64, 96), reference=DEFORMABLE_DETR,
                                                      names=LVIS_NAMES[:90])),
        training=training_suite(HeadStepBenchmark(model, SHARED[:2]), HeadStepBenchmark(model, PHRASES, objects=1),
                                TaskStepBenchmark(FIVE, model, scenes, 2)),
        deformable=deformable_attention_suite(DeformableAttentionBenchmark(size=(64, 96))),
        coco_eval=coco_eval_suite(CocoEvalBenchmark(images=20, detections=10)),
        loading=loading_suite(FIVE, scenes, 2))


def test_every_row_runs_and_every_ratio_is_of_rows(suites):
    found = {}
    for suite in suites.values():
        found |= suite.compare(time_rows(suite.rows, repeats=1, min_seconds=0))
    assert all(value > 0 for value in found.values())
    assert found['autoregressive, all / polygons of some'] == 2 * found['autoregressive, some / polygons of some']


@pytest.mark.parametrize('instructions, otherwise',
                         [(SHARED, HeadStepBenchmark.step_unshared), (PHRASES, HeadStepBenchmark.step_per_image)])
def test_images_in_one_batch_have_the_gradients_of_single_images(tiny, instructions, otherwise):
    model = copy.deepcopy(tiny).train()
    model.heads['tuples'].train_tuples = None  # one by one, others would be drawn
    work = HeadStepBenchmark(model, instructions, objects=1)
    together, apart = work.step(), otherwise(work)
    assert together.keys() == apart.keys() and any(name.startswith('llm.') for name in together)
    assert all(torch.allclose(together[name], apart[name], atol=1e-4) for name in together)


def test_flops_are_those_of_the_layers_matrices(tiny):
    decoding = DecodingBenchmark(tiny.llm, prefix=12, tuples=4)
    with torch.no_grad():
        flops, passes = count_flops(decoding, decoding.encode_prefix)
        _, of_boxes = count_flops(decoding, lambda: decoding.two_passes(4, 4))
    matrices = sum(weight.numel() for weight in tiny.llm.decoder.layers.parameters() if weight.dim() == 2)
    attention = 2 * 2 * 12 * 12 * tiny.llm.width * len(tiny.llm.decoder.layers)  # queries by keys, weights by values
    assert flops == pytest.approx(2 * 12 * matrices + attention, rel=1e-6)
    assert passes == 1 and of_boxes == 3  # the prefix, all classes, all coordinates


def test_both_evaluations_agree():
    benchmark = CocoEvalBenchmark(images=50, detections=30)
    ours, theirs = benchmark.faster_coco_eval(), benchmark.pycocotools()
    assert 5 < ours['AP'] < 95
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_all_ways_of_decoding_give_the_same_states(tiny, monkeypatch):
    """Ours, the dense mask and the copied prefix: one answer for the same tokens."""
    decoding = DecodingBenchmark(tiny.llm, prefix=6, tuples=3)
    prefix, blocks = torch.randn(1, 6, tiny.llm.width), torch.randn(3, 6, tiny.llm.width)  # two and four of a tuple
    states, run = [], type(tiny.llm).forward

    def spy(self, embeddings, *args, **kwargs):
        output, prefix = run(self, given.pop(0), *args, **kwargs)
        states.append(output)
        return output, prefix
    monkeypatch.setattr(type(tiny.llm), 'forward', spy)
    given = [prefix, blocks[:, :2].reshape(1, 6, -1), blocks[:, 2:].reshape(1, 12, -1)]
    with torch.no_grad():
        decoding.two_passes(3, 4)
        ours = states[-1].view(3, 4, -1)
        given = [prefix, blocks.reshape(1, 18, -1)]
        decoding.dense_mask(4)
        dense = states[-1].view(3, 6, -1)[:, 2:]
        given = [prefix, blocks]
        decoding.copied_prefix(4)
    assert torch.allclose(ours, dense, atol=1e-4) and torch.allclose(ours, states[-1][:, 2:], atol=1e-4)


def test_a_folder_one_by_one_and_in_batches_is_the_same_files():
    folder = FolderBenchmark(VisionLLM('photo', device='cpu'), count=5, batch=2)
    with patch.object(folder.model, 'predict') as predict:
        for run in folder.rows().values():
            run()
    assert [call.kwargs['batch_size'] for call in predict.call_args_list] == [1, 2]
    assert list(folder.rows()) == ['5 files of 640 x 480, one by one', '5 files of 640 x 480, in batches of 2']
    files = sorted(Path(folder.folder.name).iterdir())
    assert len({file.read_bytes() for file in files}) == 5
    folder.predict(2)


def test_ratios_of_the_photographs_suite_are_of_its_rows(tiny, monkeypatch):
    monkeypatch.setattr(photographs, 'PEERS', {'OWLv2 base': lambda device: None})
    folder = Mock(rows=lambda: {'2 files, one by one': None, '2 files, in batches of 8': None})
    benchmark = Mock(rows=lambda name: {f'{name}, detector, batch 1': None, f'{name}, batch 1': None})
    suite = photographs.photographs_suite({'SSD': benchmark}, [folder], 'cpu')
    seconds = dict.fromkeys(suite.rows, 1.0)
    assert 'command to first answer' in seconds
    assert suite.compare(seconds | {'2 files, one by one': 1.5}) == {
        '2 files, one by one / in batches': 1.5, 'SSD, batch 1 / detector': 1.0, 'OWLv2 base / SSD, batch 1': 1.0}

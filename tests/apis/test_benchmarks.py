import copy

import pytest
import torch

from visionllm.apis.benchmarks import (
    Decoding,
    Deformable,
    Detector,
    HeadStep,
    Judging,
    TaskSteps,
    built,
    decoding_suite,
    deformable_suite,
    detector_suite,
    floor_suite,
    judging_suite,
    loading_suite,
    timed,
    training_suite,
    vocabulary_suite,
)
from visionllm.apis.benchmarks.floors import counted
from visionllm.datasets import LVIS_NAMES
from visionllm.datasets.scenes import SHAPES
from visionllm.language import TASKS

TINY = 'configs/visionllm/visionllm_tiny_scenes.py'
FIVE = 'configs/visionllm/visionllm_nano_scenes-five-tasks.py'
PEER = 'configs/deformable_detr/deformable-detr_nano_scenes.py'
SHARED = [TASKS['detection'].order(SHAPES)] * 3
PHRASES = [TASKS['grounding'].order([phrase], wording) for wording, phrase in enumerate(('red star', 'a ring'))]


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    return f'{tmp_path_factory.mktemp("scenes")}/'


@pytest.fixture
def suites(tiny, scenes):
    """Each at its smallest."""
    model = copy.deepcopy(tiny)
    ours = built(TINY, 'wheel:smollm2-135m-instruct', 'wheel:all-minilm-l6-v2')
    return dict(
        decoding=decoding_suite(Decoding(tiny.llm, prefix=12, tuples=4), points=3, chosen=2),
        floors=floor_suite(Decoding(tiny.llm, prefix=12, tuples=4), points=3, chosen=2, side=64, numbers=1000),
        detector=detector_suite(Detector(ours, size=(64, 96), peer=PEER)),
        vocabulary=vocabulary_suite(Detector(ours, size=(64, 96), peer=PEER, names=LVIS_NAMES[:90])),
        training=training_suite(HeadStep(model, SHARED[:2]), HeadStep(model, PHRASES, objects=1),
                                TaskSteps(FIVE, model, scenes, 2)),
        deformable=deformable_suite(Deformable(size=(64, 96))),
        judging=judging_suite(Judging(pictures=20, detections=10)),
        loading=loading_suite(FIVE, scenes, 2))


def test_every_row_runs_and_every_ratio_is_of_rows(suites):
    found = {}
    for suite in suites.values():
        found |= suite.compare(timed(suite.rows, repeats=1, turn=0))
    assert all(value > 0 for value in found.values())
    assert found['token by token, all / outlines of some'] == 2 * found['token by token, some / outlines of some']


@pytest.mark.parametrize('instructions, otherwise',
                         [(SHARED, HeadStep.step_apart), (PHRASES, HeadStep.step_one_by_one)])
def test_pictures_read_together_give_the_same_gradients_as_apart(tiny, instructions, otherwise):
    model = copy.deepcopy(tiny).train()
    model.heads['tuples'].train_tuples = None  # one by one, others would be drawn
    work = HeadStep(model, instructions, objects=1)
    together, apart = work.step(), otherwise(work)
    assert together.keys() == apart.keys() and any(name.startswith('llm.') for name in together)
    assert all(torch.allclose(together[name], apart[name], atol=1e-4) for name in together)


def test_what_is_counted_is_what_layers_multiply(tiny):
    decoding = Decoding(tiny.llm, prefix=12, tuples=4)
    with torch.no_grad():
        flops, passes = counted(decoding, decoding.read)
        _, of_boxes = counted(decoding, lambda: decoding.answer(4, 4))
    matrices = sum(weight.numel() for weight in tiny.llm.decoder.layers.parameters() if weight.dim() == 2)
    attention = 2 * 2 * 12 * 12 * tiny.llm.width * len(tiny.llm.decoder.layers)  # queries by keys, weights by values
    assert flops == pytest.approx(2 * 12 * matrices + attention, rel=1e-6)
    assert passes == 1 and of_boxes == 3  # the prefix, all classes, all coordinates


def test_both_evaluations_agree():
    judging = Judging(pictures=50, detections=30)
    ours, theirs = judging.ours(), judging.theirs()
    assert 5 < ours['AP'] < 95
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_all_ways_read_the_same_tokens(tiny, monkeypatch):
    """Ours, the dense mask and the copied prefix: one answer for the same tokens."""
    decoding = Decoding(tiny.llm, prefix=6, tuples=3)
    prefix, blocks = torch.randn(1, 6, tiny.llm.width), torch.randn(3, 6, tiny.llm.width)  # two and four of a tuple
    seen, run = [], type(tiny.llm).forward

    def spy(self, embeddings, *args, **kwargs):
        states, read = run(self, given.pop(0), *args, **kwargs)
        seen.append(states)
        return states, read
    monkeypatch.setattr(type(tiny.llm), 'forward', spy)
    given = [prefix, blocks[:, :2].reshape(1, 6, -1), blocks[:, 2:].reshape(1, 12, -1)]
    with torch.no_grad():
        decoding.answer(3, 4)
        ours = seen[-1].view(3, 4, -1)
        given = [prefix, blocks.reshape(1, 18, -1)]
        decoding.densely(4)
        densely = seen[-1].view(3, 6, -1)[:, 2:]
        given = [prefix, blocks]
        decoding.on_copies(4)
    assert torch.allclose(ours, densely, atol=1e-4) and torch.allclose(ours, seen[-1][:, 2:], atol=1e-4)

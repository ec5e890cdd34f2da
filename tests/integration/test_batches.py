"""The shipped model answers for an image in a batch as for the image alone, as closely as its numbers are stored."""

import copy

import cv2
import numpy as np
import pytest
import torch

from visionllm import VisionLLM
from visionllm.datasets.scenes import SHAPES
from visionllm.language import TASKS

from ..conftest import ROOT

SAME = [TASKS['detection'].write_instruction(SHAPES[:3])] * 2
DIFFERENT = [TASKS['detection'].write_instruction(SHAPES), SAME[0]]


@pytest.fixture(scope='module', params=['float32', 'as shipped'])
def inferencer(request):
    """In float32, and in the precision of this machine, which is bfloat16 where the processor has it."""
    inferencer = VisionLLM('scenes').inferencer
    return request.param, inferencer.model.float() if request.param == 'float32' else inferencer.model, inferencer


def scenes() -> list[np.ndarray]:
    """Two scenes of different sizes."""
    paths = sorted((ROOT / 'data/scenes/images/test').iterdir())[:2]
    sizes = (128, 70), (90, 128)
    return [np.ascontiguousarray(cv2.imread(str(path))[:height, :width, ::-1])
            for path, (height, width) in zip(paths, sizes)]


def scores(sample) -> np.ndarray:
    """Scores of all pairs of image token and class, in an order that does not depend on them."""
    found = sample.pred_instances
    order = (found.tuples * len(SHAPES) + found.labels).argsort()
    return found.scores[order].numpy()


@torch.no_grad()
@pytest.mark.parametrize('instructions', [SAME, DIFFERENT], ids=['same instruction', 'different instructions'])
def test_scores_alone_and_in_a_batch(inferencer, instructions):
    precision, model, inferencer = inferencer
    items = [inferencer.batch([image], ['a'], instruction) for image, instruction in zip(scenes(), instructions)]
    alone = [model.test_step(copy.deepcopy(item))[0] for item in items]
    batch = {key: [item[key][0] for item in items] for key in items[0]}
    for one, other in zip(alone, model.test_step(batch)):
        assert np.abs(scores(one) - scores(other)).max() < (1e-4 if precision == 'float32' else 0.02)

import numpy as np
import pytest

from visionllm.annotations import read_image
from visionllm.apis.inferencer import Inferencer
from visionllm.apis.shipped import SHIPPED
from visionllm.datasets import LVIS_NAMES
from visionllm.language import TASKS
from visionllm.models.heads import proposal_points
from visionllm.visualization import draw

from ..conftest import ROOT


def test_a_thousand_names_in_groups(tiny):
    image = np.random.default_rng(0).integers(255, size=(60, 90, 3), dtype=np.uint8)
    sentences = TASKS['segmentation'].write_instructions(LVIS_NAMES, num_points=4)
    prediction, = Inferencer(tiny, (128, 128))([image], ['a'], sentences, score_thr=0.0)
    assert len(prediction.names) == 100 and set(prediction.names) <= set(LVIS_NAMES)
    assert prediction.scores == sorted(prediction.scores, reverse=True)
    assert np.shape(prediction.points) == (100, 4, 2) and prediction.as_dict()['instruction'] == sentences
    assert draw(prediction).shape[1] == 576


def test_polygons_are_cut_of_what_is_answered_alone(monkeypatch):
    cut = []
    original = proposal_points.mask_logits_to_contour
    monkeypatch.setattr(proposal_points, 'mask_logits_to_contour', lambda logits: cut.append(1) or original(logits))
    inferencer = Inferencer.from_files(*SHIPPED['photo'])
    instruction = TASKS['segmentation'].write_instruction(['cup', 'dining table'])
    image = read_image(ROOT / 'visionllm/images/coffee.jpg')
    every, = inferencer([image], ['coffee'], instruction, 0.0)
    all_cut = len(cut)
    some, = inferencer([image], ['coffee'], instruction, 0.3)
    assert all_cut > 50 and len(cut) - all_cut == len(some.names) < 5
    assert some.names == every.names[:len(some.names)]
    assert some.scores == pytest.approx(every.scores[:len(some.scores)], abs=1e-6)  # of masks in other batches
    assert inferencer.model.heads['tuples'].score_thr == 0.0

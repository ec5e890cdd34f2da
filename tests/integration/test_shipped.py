"""The detector that we ship, on scenes it has never seen: an instruction changes the answer, and rightly so."""

import json

import pytest

from visionllm.apis.studies import Study
from visionllm.evaluation import average_precision, hits

from ..conftest import ROOT

CONFIG, WEIGHTS = 'configs/visionllm/visionllm_nano_scenes.py', 'weights/visionllm_nano_scenes.safetensors'
pytestmark = pytest.mark.skipif(not (ROOT / WEIGHTS).exists(), reason='no shipped weights in this checkout')


@pytest.fixture(scope='module')
def study():
    return Study.from_files(str(ROOT / CONFIG), str(ROOT / WEIGHTS), num_images=48)


def ap(study, found, names):
    return average_precision(study.truth, found, study.category_ids(names))['AP']


def test_weights_are_small_and_say_how_they_were_made():
    from visionllm.engine.checkpoint import load_local
    assert (ROOT / WEIGHTS).stat().st_size <= 25 * 2**20
    assert 'seed' in load_local(str(ROOT / WEIGHTS))['meta']['note']


def test_it_finds_things_and_another_order_changes_nothing(study):
    straight = ap(study, study.ask(study.instruction(study.names)), study.names)
    turned = ap(study, study.ask(study.instruction(study.names[::-1], wording=17, tokens=range(400, 410))), study.names)
    assert straight > 40
    assert abs(straight - turned) < 5, json.dumps(dict(straight=straight, turned=turned))


def test_only_what_is_named_is_answered(study):
    named, unnamed = study.names[:5], study.names[5:]
    found = study.ask(study.instruction(named))
    assert ap(study, found, named) > 40
    assert {record['category_id'] for record in found} <= set(study.category_ids(named))
    assert hits(study.truth, found, study.category_ids(unnamed), 0.5) < 30

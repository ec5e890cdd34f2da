"""The model that we ship, on scenes it has never seen: an instruction changes the answer, and rightly so."""

from pathlib import Path

import pytest

from visionllm.apis.inferencer import Inferencer
from visionllm.apis.shipped import SHIPPED
from visionllm.apis.studies import evaluate_task
from visionllm.apis.study import Study
from visionllm.evaluation import average_precision, hit_rate

CONFIG, WEIGHTS = SHIPPED['scenes']
pytestmark = pytest.mark.skipif(not Path(WEIGHTS).exists(), reason='no shipped weights in this checkout')


@pytest.fixture(scope='module')
def study_of():
    """The study of a task on so many scenes; the model is loaded once."""
    model = Inferencer.from_files(CONFIG, WEIGHTS).model
    return lambda task, num_images: Study.from_model(model, CONFIG, num_images, task)


@pytest.fixture(scope='module')
def study(study_of):
    return study_of('detection', 48)


def ap(study, found, names):
    return average_precision(study.truth, found, study.category_ids(names))['AP']


def test_weights_are_small_and_say_how_they_were_made():
    from visionllm.models.safe_loading import load_local
    assert Path(WEIGHTS).stat().st_size <= 25 * 2**20
    assert 'seed' in load_local(WEIGHTS)['meta']['note']


def test_it_detects_and_order_wording_and_class_tokens_change_little(study):
    usual = study.write_instruction(study.names)
    other = study.write_instruction(study.names[::-1], wording=17, class_tokens=range(400, 410))
    aps = [ap(study, study.detect(instruction), study.names) for instruction in (usual, other)]
    assert aps[0] > 40 and abs(aps[0] - aps[1]) < 5, aps


def test_only_what_is_named_is_answered(study):
    named, unnamed = study.names[:5], study.names[5:]
    found = study.detect(study.write_instruction(named))
    assert ap(study, found, named) > 40
    assert {record['category_id'] for record in found} <= set(study.category_ids(named))
    assert hit_rate(study.truth, found, study.category_ids(unnamed), 0.5) < 30


def test_polygons_have_as_many_points_as_asked_and_fit_better_than_few(study_of):
    study = study_of('segmentation', 16)
    coarse, fine = (study.detect(study.write_instruction(study.names, num_points=count)) for count in (4, 24))
    aps = [average_precision(study.truth, found, study.category_ids(study.names), iou_type='segm')['AP']
           for found in (coarse, fine)]
    assert aps[1] > 30 and aps[1] > aps[0] + 5, aps


def test_it_finds_what_a_phrase_means(study_of):
    assert evaluate_task(study_of('grounding', 96))['grounding/P@0.5'] > 60


def test_captions_speak_of_the_picture(study_of):
    assert evaluate_task(study_of('captioning', 16))['caption/CIDEr'] > 100


def test_it_answers_from_the_picture_and_not_from_the_question(study_of):
    study = study_of('questions', 64)
    metrics = {images: study.metric_of(study.predict(images=images)) for images in ('own', 'grey')}
    answers = {images: metric.compute_metrics(metric.results)['accuracy'] for images, metric in metrics.items()}
    assert answers['own'] > answers['grey'] + 15, answers

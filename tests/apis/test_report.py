"""The report of a test: one file with its pictures, thresholds that predict takes, and what is reported of a config."""

import json
import re
from unittest.mock import MagicMock

import pytest
from mmengine.config import Config

from visionllm.annotations import read_coco_file
from visionllm.apis.report import write_report
from visionllm.apis.report_examples import examples_of_confusion, examples_of_kind
from visionllm.apis.tested_sets import TestedSet, read_tested_sets, reported_metrics, tasks_of
from visionllm.cli.common import UsageError
from visionllm.cli.predict import read_threshold
from visionllm.cli.test import check_report, select_tasks
from visionllm.evaluation.detection_summary import DetectionSummary
from visionllm.evaluation.error_kinds import KINDS
from visionllm.evaluation.matching import with_run_lengths

from ..conftest import ROOT, load_config

FOLDER = ROOT / 'data/scenes_tiny'
FIVE_TASKS = 'configs/visionllm/visionllm_nano_scenes-five-tasks.py'


def tested_set(task='detection', iou_type='bbox'):
    """Scenes of which all but the first object are found, one of them as another class."""
    truth = with_run_lengths(read_coco_file(FOLDER / 'annotations/instances_test.json'))
    detections = [dict(image_id=ann['image_id'], category_id=ann['category_id'], bbox=ann['bbox'],
                       segmentation=ann['segmentation'], score=0.9) for ann in truth['annotations'][1:]]
    other = next(each['id'] for each in truth['categories'] if each['id'] != detections[0]['category_id'])
    detections[0]['category_id'] = other
    images = {image['id']: str(FOLDER / 'images/test' / image['file_name']) for image in truth['images']}
    return TestedSet(task, DetectionSummary(truth, detections, iou_type), images, seconds=2.0)


@pytest.fixture(scope='module')
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp('report')
    write_report(folder, 'a <test>', [tested_set(), tested_set('segmentation', 'segm')])
    return folder


def test_the_report_is_one_file_without_a_network(report):
    html = (report / 'report.html').read_text()
    assert len(html) < 8e6 and 'a &lt;test&gt;' in html
    sources = re.findall(r'(?:src|href)="([^"]{,30})', html)
    assert len(sources) >= 2 * (3 + 3) and all(source.startswith('data:image/') for source in sources)
    assert 'http' not in re.sub(r'base64,[^"]*', '', html)
    assert 'Segmentation, by masks' in html


def test_its_figures_are_numbers(report):
    first, second = json.loads((report / 'metrics.json').read_text())['sets']
    assert first['mistakes']['missed']['count'] == first['mistakes']['class']['count'] == 1
    assert set(first['mistakes']) == set(KINDS) and len(first['confusions']) == 1
    assert first['boxes_per_second'] == pytest.approx(first['kept'] / 2) and first['AP'] > 80
    assert second['iou_type'] == 'segm' and second['AP'] == pytest.approx(first['AP'], abs=1)


def test_predict_takes_its_thresholds(report):
    thresholds = read_threshold(str(report / 'thresholds.json'))
    assert thresholds and set(thresholds.values()) == {0.9}


def test_examples_show_the_mistake():
    tested = tested_set()
    assert not examples_of_kind(tested, 'background', 3)
    missed, = examples_of_kind(tested, 'missed', 3)
    wrong, = examples_of_kind(tested, 'class', 3)
    assert missed.caption.endswith('missed') and ' taken for ' in wrong.caption
    truth, found = wrong.caption.split(' taken for ')
    assert examples_of_confusion(tested, truth, found) == [wrong] and wrong.jpeg[:2] == b'\xff\xd8'


def test_only_the_images_and_classes_of_the_test_set_are_counted(tmp_path):
    cfg = load_config('configs/visionllm/visionllm_tiny_scenes.py')
    truth = read_coco_file(cfg.test_evaluator.ann_file)
    first, *_ = truth['images']
    dataset = MagicMock(metainfo=dict(classes=('star', 'heart')), spec=['metainfo', 'get_data_info', '__len__'])
    dataset.__len__.return_value = 1
    dataset.get_data_info.return_value = dict(img_id=first['id'], img_path='first.jpg')
    (tmp_path / 'a.bbox.json').write_text('[]')
    tested, = read_tested_sets(cfg, dataset, tmp_path / 'a', {'': 3.0})
    assert tested.images == {first['id']: 'first.jpg'} and tested.seconds == 3
    assert sorted(tested.summary.names) == ['heart', 'star']
    assert {ann['image_id'] for ann in tested.summary.truth['annotations']} <= {first['id']}


def test_tasks_are_selected_by_name():
    cfg = load_config(FIVE_TASKS)
    assert len(tasks_of(cfg)) > 3
    select_tasks(cfg, ['segmentation'])
    assert tasks_of(cfg) == ['segmentation'] == list(cfg.test_evaluator.metrics)
    with pytest.raises(UsageError, match='names counting; the test set of the config has segmentation'):
        select_tasks(cfg, ['counting'])


def test_a_missing_package_is_said_before_the_test(monkeypatch):
    monkeypatch.setattr('visionllm.cli.test.find_spec', lambda name: None)
    with pytest.raises(UsageError, match='pip install supervision'):
        check_report(load_config(FIVE_TASKS).test_evaluator)


def test_what_is_reported():
    assert set(reported_metrics(load_config(FIVE_TASKS).test_evaluator)) == {'detection', 'segmentation'}
    assert set(reported_metrics(load_config('configs/visionllm/visionllm_tiny_scenes.py').test_evaluator)) == {''}
    with pytest.raises(UsageError, match='the config has none'):
        check_report(Config(dict(type='AnswerMetric')))

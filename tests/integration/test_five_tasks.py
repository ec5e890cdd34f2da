"""Five tasks through one model: trained a few steps, tested, and asked, as a user would."""

import json

import pytest
from mmengine.config import Config

from visionllm.apis.studies import bins, blind, classes, evaluate_task, malformed, points
from visionllm.apis.study import GREY, Study, dataset_and_metric
from visionllm.language import TASKS

from ..conftest import ROOT, load_config
from .commands import run_here

TINY = 'configs/visionllm/visionllm_tiny_scenes.py'
ASKED = {
    'boxes': ['--classes', 'star', 'heart'],
    'outlines': ['--classes', 'star', 'heart', '--points', '9'],
    'phrase': ['--expression', 'the red star left of the circle'],
    'question': ['--question', 'how many stars are there?'],
    'caption': ['--caption'],
}


@pytest.fixture(scope='module')
def five(tmp_path_factory):
    """Config and checkpoint of the tiny model after ten steps of all tasks."""
    folder = tmp_path_factory.mktemp('five')
    cfg = load_config('configs/visionllm/visionllm_nano_scenes-five-tasks.py')
    tiny = load_config(TINY)
    cfg.model, cfg.custom_hooks = tiny.model, []
    cfg.param_scheduler, cfg.default_hooks = tiny.param_scheduler, tiny.default_hooks
    cfg.train_cfg.update(max_iters=10, val_interval=11)
    for loader, images in ((cfg.train_dataloader, 32), (cfg.test_dataloader, 4)):
        loader.update(batch_size=4, num_workers=0, persistent_workers=False)
        for part in loader.dataset.datasets:
            part.update(data_root='data/scenes_tiny/', num_images=images)
    cfg.train_dataloader.sampler.batch_size = 4
    for task in ('detection', 'segmentation'):
        cfg.test_evaluator.metrics[task].ann_file = 'data/scenes_tiny/annotations/instances_test.json'
    config = folder / 'five.py'
    cfg.dump(str(config))
    assert run_here('train', config, '--work-dir', folder).code == 0
    return config, folder / 'iter_10.pth'


def test_the_log_holds_the_losses_of_every_task(five):
    scalars = next(five[1].parent.glob('*/vis_data/scalars.json')).read_text().splitlines()
    seen = {key for line in scalars for key in json.loads(line)}
    assert {'loss_cls', 'loss_loc', 'loss_text', 'loss_objectness', 'loss_name'} <= seen


def test_one_run_measures_every_task(call, five, tmp_path):
    text = call('test', *five, '--work-dir', tmp_path).out
    for figure in ('detection/bbox_mAP', 'segmentation/segm_mAP', 'grounding/P@0.5', 'caption/', 'answer/'):
        assert figure in text, figure


@pytest.mark.parametrize('name', sorted(ASKED))
def test_only_the_sentence_changes(call, five, tmp_path, name):
    config, checkpoint = five
    image = ROOT / 'data/scenes_tiny/images/test/000000.jpg'
    call('predict', image, '--model', config, '--checkpoint', checkpoint, '--out', tmp_path, '--threshold', '0',
         *ASKED[name])
    answer = json.loads((tmp_path / 'answers.json').read_text())[0]
    if name in ('question', 'caption'):
        assert isinstance(answer['text'], str)
    else:
        assert len(answer['objects'][0]['points']) == (9 if name == 'outlines' else 2)
    assert (tmp_path / '00_000000.png').exists()


def test_a_task_without_a_metric_is_named(call, five, tmp_path):
    config, checkpoint = five
    cfg = Config.fromfile(str(config))
    del cfg.test_evaluator.metrics['captioning']
    for part in cfg.test_dataloader.dataset.datasets:
        part.num_images = 1
    changed = tmp_path / 'changed.py'
    cfg.dump(str(changed))
    done = call('test', changed, checkpoint, '--work-dir', tmp_path)
    assert done.code == 2 and "task 'captioning' and the evaluator has metrics for" in done.err


def test_each_study_asks_on_the_test_set_of_its_task(five):
    config, checkpoint = map(str, five)
    ask = {task: Study.from_files(config, checkpoint, 4, task) for task in ('detection', 'segmentation', 'questions')}
    assert list(points(ask['segmentation'], counts=(8, 16))['rows']) == [
        'box', '8', '8, true contours', '16', '16, true contours']
    assert list(classes(ask['detection'], shares=(0.5, 1.0))['rows']) == ['50%', '100%']
    assert list(bins(ask['detection'], counts=(9, 1025))['rows']) == ['9', '1025', 'exact']
    answered = blind(ask['questions'])['rows']
    assert 0 <= answered['grey image']['accuracy'] <= 100 and 0 <= answered['own image']['accuracy'] <= 100


@pytest.mark.parametrize('task', [task for task in TASKS if task != 'keypoints'])  # which this config is not for
def test_every_task_has_figures_and_answers_that_mean_something(five, task):
    study = Study.from_files(*map(str, five), 3, task)
    assert all(value >= 0 for value in evaluate_task(study).values())
    counts = malformed(study)
    assert counts['answers'] >= 3 and 0 <= counts['malformed'] <= 100


def test_without_its_picture_a_question_is_asked_about_grey(five, monkeypatch):
    study = Study.from_files(*map(str, five), 2, 'questions')
    shown = []
    monkeypatch.setattr(study.model, 'test_step', lambda data: shown.extend(data['inputs']) or data['data_samples'])
    assert len(list(study.predict(images='grey'))) == len(list(study.predict())) == 2
    assert [bool((picture == GREY).all()) for picture in shown] == [True, True, False, False]


def test_a_config_that_does_not_test_a_task_says_so():
    cfg = load_config(TINY)
    with pytest.raises(ValueError, match='has no test set for segmentation'):
        dataset_and_metric(cfg, 'segmentation')

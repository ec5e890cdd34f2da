"""The model for photographs as users meet it: on free pictures, and on real data beside its detector."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from visionllm import VisionLLM
from visionllm.apis.inferencer import Inferencer
from visionllm.apis.photograph_studies import against_detector, auroc, kinds, presence, synonyms
from visionllm.apis.shipped import SHIPPED
from visionllm.apis.studies import evaluate_task
from visionllm.apis.study import Study
from visionllm.datasets.coco_expressions import WORDINGS
from visionllm.engine import StrictRunner
from visionllm.errors import CheckpointMismatchError
from visionllm.language import TASKS
from visionllm.language.kinds import TEST_KINDS
from visionllm.language.synonyms import VOC_SYNONYMS
from visionllm.models.safe_loading import load_weights_only

from ..conftest import ROOT

DEIMV2 = 'configs/visionllm/visionllm_deimv2-femto_coco.py'
FIVE_TASKS = 'configs/visionllm/visionllm_deimv2-femto_coco-five-tasks.py'
SSD, WEIGHTS = SHIPPED['photo']
FOLDER_NAMES = ['person', 'vehicle', 'animal', 'food', 'couch']


@pytest.fixture(scope='module')
def shipped():
    return VisionLLM('photo')


def find(model, image, *names):
    return model.predict(ROOT / f'visionllm/images/{image}.jpg', classes=names)[0]


@pytest.mark.parametrize('image, names, found', [
    ('cat', ('dog', 'cat', 'couch'), {'cat'}),
    ('cat', ('vehicle', 'animal'), {'animal'}),
    ('astronaut', ('banana', 'person'), {'person'}),
    ('coffee', ('cup', 'horse'), {'cup'}),
    ('cat', ('dog', ), set()),
    ('cat', ('hot dog', ), set()),
])
def test_what_is_named_is_found(shipped, image, names, found):
    assert set(find(shipped, image, *names).names) == found


def test_what_is_not_named_is_not_answered(shipped):
    everything = find(shipped, 'cat', 'cat', 'car')
    without_cat = find(shipped, 'cat', 'car')
    assert everything.names[:1] == ['cat'] and not without_cat.names


def test_a_large_photograph_has_boxes_in_its_own_pixels(shipped, tmp_path):
    small = cv2.imread(str(ROOT / 'visionllm/images/cat.jpg'))
    cv2.imwrite(str(tmp_path / 'large.png'), cv2.resize(small, None, fx=6, fy=6))
    large, = shipped.predict(tmp_path / 'large.png', classes=['cat'])
    np.testing.assert_allclose(np.divide(large.boxes[0], 6), find(shipped, 'cat', 'cat').boxes[0], atol=12)


@pytest.mark.parametrize('count', [8, 24])
def test_an_outline_has_as_many_points_as_the_sentence_says(shipped, count):
    found, = shipped.predict(ROOT / 'visionllm/images/cat.jpg', classes=['cat'], points=count)
    outline, (x1, y1, x2, y2) = np.array(found.points[0]), found.boxes[0]
    assert found.names[0] == 'cat' and outline.shape == (count, 2)
    x, y = outline.T
    area = abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2
    assert 0.35 < area / ((x2 - x1) * (y2 - y1)) < 0.95
    whole = find(shipped, 'cat', 'cat').boxes[0]
    np.testing.assert_allclose(found.boxes[0], whole, atol=0.15 * (whole[2] - whole[0]))


def test_left_and_right_in_a_phrase_choose_the_object(shipped, tmp_path):
    cat = cv2.imread(str(ROOT / 'visionllm/images/cat.jpg'))
    cv2.imwrite(str(tmp_path / 'two.png'), np.concatenate([cat, cat[:, ::-1]], 1))

    def center(phrase):
        found, = shipped.predict(tmp_path / 'two.png', expression=phrase, threshold=0.0)
        return (found.boxes[0][0] + found.boxes[0][2]) / 2
    width = cat.shape[1]
    for left, right in (('the cat on the left', 'the cat on the right'), ('far left cat', 'far right cat')):
        assert center(left) < width < center(right)


def test_phrases_are_told_from_names(shipped):
    """By wordings and by names that are in no lesson."""
    def share(texts):
        model = shipped.inferencer.model
        return np.mean(model.heads['tuples'].class_reader.expression_guidance.are_expressions(model.llm, texts))
    slots = dict(name='dog', names='dogs', ordinal='second', side='left', relation='close to', anchor='bench')
    wordings = [text.format(**slots) for kind, (_, texts) in WORDINGS.items() if kind != 'only'
                for text in texts]
    assert share(wordings) >= 0.9
    assert share([*VOC_SYNONYMS.values(), *TEST_KINDS]) <= 0.1


def test_the_tool_answers_on_a_photograph_by_default(call, tmp_path):
    done = call('predict', 'visionllm/images/cat.jpg', '--classes', 'cat', 'dog', '--out', tmp_path)
    assert done.code == 0 and json.loads(done.out)['objects'][0]['name'] == 'cat'
    assert json.loads((tmp_path / 'answers.json').read_text())[0]['objects'][0]['name'] == 'cat'


def test_captions_and_answers_are_about_the_picture(shipped):
    def say(image, **request):
        return shipped.predict(ROOT / f'visionllm/images/{image}.jpg', **request)[0]
    assert 'cat' in say('cat', caption=True).text and 'cat' not in say('coffee', caption=True).text
    answer = say('cat', question='is there a truck?')
    assert answer.text == 'no' and 0.5 < answer.text_score <= 1


def test_the_tool_says_what_it_sees(call, tmp_path):
    done = call('predict', 'visionllm/images/cat.jpg', '--caption', '--num-beams', 2, '--out', tmp_path)
    answer, = json.loads((tmp_path / 'answers.json').read_text())
    assert done.code == 0 and 'cat' in answer['text'] and 0 < answer['score'] <= 1
    done = call('predict', 'visionllm/images/cat.jpg', '--caption', '--num-beams', 0, '--out', tmp_path)
    assert done.code == 2 and 'num_beams is 0' in done.err


def test_what_the_model_cannot_answer_is_one_sentence(call):
    done = call('predict', 'visionllm/images/cat.jpg', '--classes', 'cat', '--parts', 'ear')
    assert done.code == 2 and 'asks for (c, "ear"), which none of this model' in done.err


@pytest.fixture
def coco_mini(data, monkeypatch):
    monkeypatch.setenv('VISIONLLM_DATA', str(data))
    monkeypatch.setenv('VISIONLLM_COCO', str(data / 'coco-mini'))


def deimv2_study(num_images):
    model = MODELS.build(Config.fromfile(DEIMV2).model)
    model.init_weights()
    return Study.from_model(model.eval(), DEIMV2, num_images)


def test_a_folder_has_the_answers_of_its_pictures_one_by_one(data, shipped, tmp_path):
    for path in sorted((data / 'coco-mini/val2017').glob('*.jpg'))[:20]:
        (tmp_path / path.name).symlink_to(path)
    shipped.inferencer.model.connector.cache.results.clear()
    together = shipped.predict(tmp_path, classes=FOLDER_NAMES, threshold=0.01)
    shipped.inferencer.model.connector.cache.results.clear()
    alone = shipped.predict(tmp_path, classes=FOLDER_NAMES, threshold=0.01, batch_size=1)
    assert len(together) == 20 and sum(map(len, together)) > 100
    for one, other in zip(alone, together):
        assert one.path == other.path and one.names == other.names
        assert np.abs(np.subtract(one.scores, other.scores)).max(initial=0) < 1e-3
        assert np.abs(np.subtract(one.boxes, other.boxes)).max(initial=0) < 1e-2  # pixels


def test_a_detector_keeps_its_accuracy_when_it_takes_orders(coco_mini, shipped):
    assert against_detector(Study.from_model(shipped.inferencer.model, SSD, 40))['ratio'] >= 0.97
    assert against_detector(deimv2_study(40))['ratio'] >= 0.98


def test_outlines_are_nearly_as_good_as_boxes(coco_mini, shipped):
    figures = evaluate_task(Study.from_model(shipped.inferencer.model, SSD, 16, 'segmentation'))
    assert figures['mask_AP'] / figures['box_AP'] >= 0.75


def test_phrases_captions_and_questions_on_images_that_were_not_trained_on(coco_mini, shipped):
    figures = {task: evaluate_task(Study.from_model(shipped.inferencer.model, SSD, 40, task))
               for task in ('grounding', 'captioning', 'questions')}
    assert figures['grounding']['grounding/P@0.5'] >= 40, figures
    assert figures['captioning']['caption/CIDEr'] >= 40 and figures['captioning']['caption/empty'] == 0, figures
    assert figures['questions']['answer/accuracy'] >= 50, figures


def test_words_do_their_work(coco_mini, shipped, data, tmp_path, monkeypatch):
    study = Study.from_model(shipped.inferencer.model, SSD, 24)
    assert presence(study)['auroc'] >= 0.85
    assert kinds(study)['ratios']['all kinds'] >= 0.8
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'annotations/instances_val.json').symlink_to(data / 'voc-384/instances_train.json')
    (tmp_path / 'val').symlink_to(data / 'voc-384/images')
    monkeypatch.setenv('VISIONLLM_COCO', str(tmp_path))
    monkeypatch.setenv('VISIONLLM_VAL', 'val')
    assert synonyms(Study.from_model(shipped.inferencer.model, SSD, 24))['ratio'] >= 0.75


def test_the_area_under_the_curve_is_how_often_a_positive_is_higher():
    scores, there = np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False])
    assert auroc(scores, there) == pytest.approx((2 + 1.5) / 4)


def test_another_detector_is_refused(coco_mini, tmp_path):
    cfg = Config.fromfile(DEIMV2)
    cfg.dump(tmp_path / 'other.py')
    with pytest.raises(CheckpointMismatchError, match='ssd-mobilenet-v2-coco.*deimv2-femto-coco'):
        Inferencer.from_files(str(tmp_path / 'other.py'), WEIGHTS)


def test_expressions_are_learned_from_photographs_and_from_texts_and_boxes(coco_mini, data, tmp_path, monkeypatch):
    monkeypatch.setenv('VISIONLLM_VOC', str(data / 'voc-384'))
    monkeypatch.setenv('VISIONLLM_REFCOCO', str(data / 'refcoco'))
    cfg = Config.fromfile(FIVE_TASKS)
    cfg.work_dir = str(tmp_path)
    cfg.custom_hooks[0].cache_dir = str(tmp_path / 'cache')
    cfg.custom_hooks[0].stages[0].update(steps=2, batch_size=4)
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.train_cfg = dict(max_iters=0)
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    runner = StrictRunner.from_cfg(cfg)
    runner.model.init_weights()
    before = {name: value.clone() for name, value in runner.model.state_dict().items()}
    runner.train()
    changed = {name for name, value in runner.model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all('.expression_guidance.' in name for name in changed)


def test_a_few_steps_fit_the_scores_and_nothing_else(coco_mini, tmp_path):
    cfg = Config.fromfile(DEIMV2)
    cfg.merge_from_dict({'work_dir': str(tmp_path), 'train_cfg.max_iters': 3, 'train_cfg.val_interval': 10,
                         'train_dataloader.batch_size': 2, 'train_dataloader.num_workers': 0,
                         'train_dataloader.persistent_workers': False, 'default_hooks.checkpoint.interval': 3})
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    runner = StrictRunner.from_cfg(cfg)
    runner.model.init_weights()
    before = {name: value.clone() for name, value in runner.model.state_dict().items()}
    runner.train()
    state = load_weights_only(str(tmp_path / 'iter_3.pth'))['state_dict']
    changed = {name for name, value in state.items() if not torch.equal(value, before[name])}
    assert changed == {'heads.tuples.class_reader.calibration'}
    assert [name for name in state if name.startswith('connector.')] == ['connector.detector._extra_state']


@pytest.mark.parametrize('image, question, answer', [
    ('cat', 'is there a cat?', 'yes'), ('coffee', 'is there a cat?', 'no'), ('cat', 'how many cats are there?', 'one'),
    ('coffee', 'how many cats are there?', 'none'), ('coffee', 'is there a cup?', 'yes')])
def test_questions_are_answered_from_the_image(shipped, image, question, answer):
    instruction = TASKS['questions'].write_instruction(question=question)
    prediction, = shipped.predict(ROOT / f'visionllm/images/{image}.jpg', instruction=instruction)
    assert prediction.text == answer


@pytest.mark.parametrize('name', ['Cat', 'CAT', 'cat.', 'cats', 'a cat'])
def test_spellings_of_a_name_give_the_same_answer(shipped, name):
    plain, other = find(shipped, 'cat', 'cat'), find(shipped, 'cat', name)
    assert other.scores == pytest.approx(plain.scores, abs=1e-4) and np.allclose(other.boxes, plain.boxes, atol=0.1)
    assert set(other.names) == {name}


def test_two_names_for_one_thing_give_one_answer(shipped):
    plain, both = find(shipped, 'cat', 'cat'), find(shipped, 'cat', 'cat', 'kitty')
    assert len(both.names) == len(plain.names) == 1 and both.scores[0] > plain.scores[0] - 0.05


def test_an_image_with_fewer_detections_than_others_has_no_empty_answers(shipped):
    instruction = TASKS['grounding'].write_instruction(['the largest cat'])

    def item(pixels):
        shape = tuple(pixels.shape[1:])
        return dict(inputs=pixels, data_samples=DetDataSample(metainfo=dict(
            img_path='a', ori_shape=shape, img_shape=shape, scale_factor=(1.0, 1.0), instruction=instruction,
            text=('the largest cat', ))))
    photograph = torch.from_numpy(cv2.imread(str(ROOT / 'visionllm/images/cat.jpg')).transpose(2, 0, 1).copy())
    tiny = torch.randint(0, 255, (3, 2, 2), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    alone = shipped.inferencer.model.test_step(pseudo_collate([item(tiny)]))[0].pred_instances
    _, together = shipped.inferencer.model.test_step(pseudo_collate([item(photograph), item(tiny)]))
    assert len(alone) == len(together.pred_instances) < 100
    assert torch.allclose(alone.scores, together.pred_instances.scores, atol=1e-4)
    assert (together.pred_instances.bboxes[:, 2:] > together.pred_instances.bboxes[:, :2]).all()

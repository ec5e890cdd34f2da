"""Boxes by example: what a question shows, and how its answer is counted."""

import json
from functools import partial

import pytest
from mmdet.registry import DATASETS, METRICS

from visionllm.datasets.scene_dataset import write_once
from visionllm.datasets.scene_files import write_coco_folder
from visionllm.errors import ConfigError

PIPELINE = [dict(type='LoadImage'), dict(type='PackInstructionInputs')]
SHOTS = dict(root='data/scenes_boxes_tiny/one', split='test', num_images=60, seed=1010)
ASKED = dict(root='data/scenes_boxes_tiny/few', split='test', num_images=30, seed=1020)


def episodes(**options):
    return DATASETS.build(dict(type='SceneBoxEpisodes', shots=SHOTS, asked=ASKED, pipeline=PIPELINE, num_episodes=4,
                               **options))


def asked(item):
    return [each for each in item if 'candidate' in each['data_samples']]


def test_a_question_has_a_document_for_each_object_and_fewer_shots_are_the_first_of_more():
    dataset = episodes()
    assert len(dataset) == 12
    none, one, four = (dataset[index] for index in (3, 4, 5))
    candidates = asked(none)
    assert len(none) == len(candidates) > 1 and len(one) == 2 * len(candidates) and len(four) == 5 * len(candidates)
    first = candidates[0]['data_samples']
    for item in (one, four):
        shots, last = item[:len(item) // len(candidates) - 1], asked(item)[0]['data_samples']
        assert last.candidate == first.candidate and last.answer == first.answer and last.episode == first.episode
        assert shots[0]['data_samples'].instruction.endswith(f'(text){first.answer}<|endofchunk|>')
    names = {each['data_samples'].instruction.partition('(text)')[2] for each in four[:4]}
    assert len(names) == 4, 'each name once'
    assert first.asked_box in {each['data_samples'].candidate for each in candidates}


def test_candidates_are_cropped_with_what_is_around_them():
    for each in asked(episodes()[5]):
        _, _, width, height = each['data_samples'].candidate
        assert each['inputs'].shape[1:] == each['data_samples'].img_shape
        assert 0.6 * max(width, height) < max(each['inputs'].shape[1:]) <= 1.3 * max(width, height) + 1


def test_candidates_are_proposals_of_a_file(tmp_path):
    content = json.loads(write_once(partial(write_coco_folder, max_objects=4, **ASKED)).read_text())
    images = [dict(id=-image['id'], file_name=f'some/folder/{image["file_name"]}') for image in content['images']]
    records = [dict(image_id=image['id'], bbox=[1, 2, 30, 40], score=0.9) for image in images]
    file, empty = tmp_path / 'proposals.json', tmp_path / 'empty.json'
    file.write_text(json.dumps(dict(images=images, annotations=records)))
    empty.write_text(json.dumps(dict(images=images, annotations=[])))
    found = [each['data_samples'].candidate for each in asked(episodes(proposals=str(file))[0])]
    assert found == [(1, 2, 30, 40)]
    with pytest.raises(ConfigError, match='empty.json has no box'):
        episodes(proposals=str(empty))
    with pytest.raises(ConfigError, match='4 names and one shot for each at most, not 5'):
        episodes(num_shots=(0, 5))


def candidate(episode, box, log_probs, kind='1 shots'):
    return dict(img_id='a', kind=kind, episode=episode, candidate=box, asked_box=(10, 10, 20, 20), answer='wug',
                choices=('dax', 'wug'), choice_log_probs=log_probs)


def test_the_candidate_in_which_the_name_is_likeliest_is_the_answer():
    metric = METRICS.build(dict(type='CandidateBoxMetric'))
    right, wrong = (11, 11, 20, 20), (30, 30, 20, 20)
    metric.process({}, [candidate(1, right, [-1, -2]), candidate(1, wrong, [-9, -3]),  # -2 > -3: right
                        candidate(2, right, [-1, -4]), candidate(2, wrong, [-9, -3]), candidate(2, wrong, [0, -5]),
                        candidate(1, wrong, [-1, -1], '0 shots')])
    assert len(metric.results) == 3, 'one for each item of the dataset'
    found = metric.evaluate(3)
    assert found == {'box/accuracy_0 shots': 0, 'box/accuracy_1 shots': 50, 'box/chance_0 shots': 0,
                     'box/chance_1 shots': pytest.approx(100 * (1 / 2 + 1 / 3) / 2)}


def test_without_likelihoods_it_says_what_is_missing():
    sample = candidate(1, (1, 1, 2, 2), [0, 0])
    del sample['choice_log_probs']
    with pytest.raises(ConfigError, match='ChoiceScoring'):
        METRICS.build(dict(type='CandidateBoxMetric')).process({}, [sample])

import json

import numpy as np
import pytest
from mmengine.fileio import dump
from PIL import Image

from visionllm.annotations import AnnotationError
from visionllm.datasets import ScienceQADataset
from visionllm.evaluation import AnswerMetric


@pytest.fixture
def folder(tmp_path):
    """ScienceQA's files with three problems, one of them without a picture."""
    problem = dict(question='Which is a fish?', choices=['a cod', 'a dog'], answer=0, hint='', image='image.png',
                   subject='natural science', lecture='Fish have fins.', solution='A cod has fins.', split='test')
    problems = {'3': problem, '4': problem | dict(image=None), '5': problem | dict(hint='Look.', answer=1)}
    dump(problems, tmp_path / 'problems.json')
    (tmp_path / 'pid_splits.json').write_text(json.dumps(dict(test=['3', '4', '5'], minitest=['5'])))
    for name in problems:
        (tmp_path / 'images/test' / name).mkdir(parents=True)
        Image.fromarray(np.zeros((5, 6, 3), np.uint8)).save(tmp_path / 'images/test' / name / 'image.png')
    return tmp_path


def read(folder, split):
    return ScienceQADataset('problems.json', 'pid_splits.json', split, str(folder), dict(img='images/'))


def test_problems_with_a_picture_are_prompts_of_question_context_and_choices(folder):
    dataset = read(folder, 'test')
    assert len(dataset) == 2 and len(read(folder, 'minitest')) == 1
    first, second = dataset[0], dataset[1]
    assert first['question'] == 'Question: Which is a fish?\nContext: N/A\nOptions: (A) a cod (B) a dog'
    assert first['turns'] == ('Fish have fins. A cod has fins. The answer is A.', ) and first['answer'] == 'A'
    assert 'Context: Look.' in second['question'] and second['kind'] == 'natural science' and second['width'] == 6


def test_a_split_that_is_not_there_is_an_error(folder):
    with pytest.raises(AnnotationError, match='minival'):
        read(folder, 'minival')


def test_the_letter_after_the_explanation_counts():
    metric = AnswerMetric(pattern=r'The answer is \(?([A-H])\b')
    said = ('Fish. The answer is A.', 'The answer is (B). No: The answer is A', 'The answer is Atlantic cod.', 'A')
    metric.process({}, [dict(pred_text=text, answer='A', img_id=1) for text in said])
    assert metric.evaluate(4) == {'answer/accuracy': 50.0, 'answer/empty': 2}

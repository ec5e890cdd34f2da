import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmdet.structures import DetDataSample
from mmengine.evaluator import Evaluator

from visionllm.evaluation import normalize_answer


@pytest.mark.parametrize('text, normalized', [
    ('Yes.', 'yes'),
    (' the  Top-Left! ', 'top left'),
    ('A red ball, an apple', 'red ball apple'),
    ('Two', '2'),
    ('none', '0'),
    ('1,000', '1000'),
    ('3.5.', '3.5'),
    ("don’t know", "don't know"),
    ("'the'", 'the'),  # no other word
    ('theatre', 'theatre'),
    ('...', ''),
    ('Größe', 'größe'),
])
def test_normalize_answer(text, normalized):
    assert normalize_answer(text) == normalized


@given(st.text(max_size=20))
def test_normalize_answer_is_idempotent(text):
    assert normalize_answer(normalize_answer(text)) == normalize_answer(text)


def sample_of(pred_text, **metainfo) -> DetDataSample:
    sample = DetDataSample(metainfo=dict(img_id=8, **metainfo))
    sample.set_field(pred_text, 'pred_text', dtype=str)
    return sample


def evaluate(samples: list) -> dict:
    evaluator = Evaluator([dict(type='AnswerMetric')])
    for sample in samples:
        evaluator.process([sample])
    return evaluator.evaluate(len(samples))


def test_accuracy_by_kind():
    samples = [
        sample_of('Two.', answer='two', kind='count'),
        sample_of('3', answer='two', kind='count'),
        sample_of('none', answer='none', kind='count'),
        sample_of('the red', answer='red', kind='colour'),
        sample_of('', answer='no', kind=''),
        sample_of('yes and no', answer='yes'),
    ]
    assert evaluate(samples) == {
        'answer/accuracy': pytest.approx(50),
        'answer/accuracy_colour': pytest.approx(100),
        'answer/accuracy_count': pytest.approx(200 / 3),
        'answer/empty': 1,
    }


def test_missing_answers_raise_an_error():
    with pytest.raises(ValueError, match='There is no answer to evaluate.'):
        evaluate([])
    for answer in (None, '', '?'):
        with pytest.raises(ValueError, match='Image 8 has the answer .*, which holds no word'):
            evaluate([sample_of('yes', answer=answer)])
    with pytest.raises(ValueError, match='Image 8 has None as its pred_text where a string is expected'):
        evaluate([DetDataSample(metainfo=dict(img_id=8, answer='yes'))])

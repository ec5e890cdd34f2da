"""A score for all names, or for each name."""

import argparse

import numpy as np
import pytest

from visionllm.apis.inferencer import Inferencer
from visionllm.cli.predict import read_threshold
from visionllm.inference.request import Request, RequestError
from visionllm.language import TASKS


def test_thresholds_of_names_are_in_the_order_of_the_instruction():
    request = Request(classes=['dog', 'cat', 'bird'])
    assert request.threshold(dict(cat=0.4, dog=0.1, car=0.9)) == [0.1, 0.4, 0.3]
    assert (request.threshold(None), request.threshold(0.7)) == (0.3, 0.7)
    assert Request(expression='a dog').threshold(None) == 0.05
    assert Request(question='is there a dog?').threshold(dict(dog=0.1)) == 0.3


@pytest.mark.parametrize('given', [dict(cat='high'), 'high', dict(cat=True)])
def test_thresholds_are_numbers(given):
    with pytest.raises(RequestError, match='must be a number from 0 to 1, or one for each name'):
        Request(classes=['cat']).threshold(given)


def test_each_name_has_its_own_threshold(tiny):
    image = np.random.default_rng(0).integers(255, size=(128, 128, 3), dtype=np.uint8)
    instruction = TASKS['detection'].write_instruction(['star', 'circle'])

    def predict(threshold):
        prediction, = Inferencer(tiny, None)([image], ['a'], instruction, threshold)
        return sorted(zip(prediction.names, prediction.scores))
    everything = predict(0.0)
    median = float(np.median([score for name, score in everything if name == 'star']))
    some = predict([median, 0.0])
    assert some == [(name, score) for name, score in everything if name == 'circle' or score >= median]
    assert {name for name, _ in some} == {'circle', 'star'} and len(some) < len(everything)
    assert {name for name, _ in predict([1.1, 0.0])} == {'circle'}


def test_a_threshold_on_the_command_line(tmp_path):
    file = tmp_path / 'thresholds.json'
    file.write_text('{"cat": 0.4}')
    assert read_threshold('0.5') == 0.5 and read_threshold(str(file)) == dict(cat=0.4)
    file.write_text('[1]')
    for text in (str(file), 'high', str(tmp_path)):
        with pytest.raises(argparse.ArgumentTypeError, match='neither a number nor a JSON file'):
            read_threshold(text)

import numpy as np
from PIL import Image

from visionllm.apis import Inferencer
from visionllm.apis.inferencer import draw
from visionllm.datasets import LVIS_NAMES
from visionllm.language import TASKS


def test_a_thousand_names_are_answered_and_drawn(tiny, tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(255, size=(60, 90, 3), dtype=np.uint8)).save(tmp_path / 'a.png')
    orders = TASKS['segmentation'].orders(LVIS_NAMES, num_points=4)
    answer = Inferencer(tiny, (128, 128))(tmp_path / 'a.png', orders, score_thr=0.0)
    assert len(answer.names) == 100 and set(answer.names) <= set(LVIS_NAMES)
    assert answer.scores == sorted(answer.scores, reverse=True)
    assert np.shape(answer.points) == (100, 4, 2) and answer.as_dict()['instruction'] == orders
    assert draw(answer).shape[1] == 576

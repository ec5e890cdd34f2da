import numpy as np
from PIL import Image

from visionllm.apis import Inferencer, draw
from visionllm.datasets import LVIS_NAMES
from visionllm.language import TASKS


def test_a_thousand_names_in_groups(tiny, tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(255, size=(60, 90, 3), dtype=np.uint8)).save(tmp_path / 'a.png')
    sentences = TASKS['segmentation'].write_instructions(LVIS_NAMES, num_points=4)
    prediction = Inferencer(tiny, (128, 128))(tmp_path / 'a.png', sentences, score_thr=0.0)
    assert len(prediction.names) == 100 and set(prediction.names) <= set(LVIS_NAMES)
    assert prediction.scores == sorted(prediction.scores, reverse=True)
    assert np.shape(prediction.points) == (100, 4, 2) and prediction.as_dict()['instruction'] == sentences
    assert draw(prediction).shape[1] == 576

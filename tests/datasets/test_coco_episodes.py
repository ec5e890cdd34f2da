"""Nonsense names for classes of a COCO file: which crops are shown, and of which images."""

import json

import numpy as np
import pytest
from mmdet.registry import DATASETS
from PIL import Image

from visionllm.errors import ConfigError

GREYS = dict(cat=60, dog=120, bus=200)
PACK = [dict(type='LoadImage'), dict(type='PackInstructionInputs')]


@pytest.fixture
def photographs(tmp_path):
    """Six images, each with an object of every class, which is a square of the class's grey, and a small one."""
    images, records = [], []
    for number in range(6):
        image = np.zeros((60, 180, 3), np.uint8)
        for k, grey in enumerate(GREYS.values()):
            image[5:55, 60 * k + 5:60 * k + 55] = grey
            records += [dict(image_id=number, category_id=k, bbox=[60 * k + 5, 5, 50, 50]),
                        dict(image_id=number, category_id=k, bbox=[60 * k, 0, 4, 4])]
        Image.fromarray(image).save(tmp_path / f'{number}.png')
        images.append(dict(id=number, file_name=f'{number}.png', height=60, width=180))
    content = dict(images=images, categories=[dict(id=k, name=name) for k, name in enumerate(GREYS)],
                   annotations=[dict(id=i, iscrowd=0, area=2500, **record) for i, record in enumerate(records)])
    (tmp_path / 'instances.json').write_text(json.dumps(content))
    return dict(type='CocoEpisodes', ann_file=str(tmp_path / 'instances.json'), img_prefix=str(tmp_path),
                pipeline=PACK, classes=list(GREYS), num_names=3, num_shots=(0, 4), num_episodes=8, test_mode=True)


def test_crops_show_their_class_and_no_shot_is_of_the_asked_image(photographs):
    dataset = DATASETS.build(photographs)
    for document in (dataset[index] for index in range(1, len(dataset), 2)):
        greys = {}
        for each in document:
            height, width = each['inputs'].shape[1:]
            grey = int(each['inputs'][0, height // 2, width // 2])
            assert grey in GREYS.values() and max(height, width) <= 65 == round(1.3 * 50)
            assert each['data_samples'].img_shape == (height, width)
            greys.setdefault(grey, set()).add(
                each['data_samples'].get('answer') or each['data_samples'].instruction.partition('(text)')[2][:3])
        assert all(len(names) == 1 for names in greys.values()), greys
        *shots, asked = (each['data_samples'] for each in document)
        assert asked.img_id not in {shot.img_id for shot in shots}
        assert GREYS[asked.captions[0]] in greys and asked.answer in asked.choices


def test_training_has_other_names(photographs):
    names = [{each[-1]['data_samples'].answer for each in DATASETS.build(photographs | dict(test_mode=test))}
             for test in (True, False)]
    assert names[0] and names[1] and not names[0] & names[1]


@pytest.mark.parametrize(('options', 'message'), [
    (dict(classes=['cat', 'zebra'], num_names=2), 'fewer than two images with a zebra'),
    (dict(min_side=51), 'a cat of 51 pixels.*so it is of 3 of 3 classes'),
    (dict(num_names=4), 'Set num_names to 3 or less'),
])
def test_files_with_too_little_are_one_sentence(photographs, options, message):
    with pytest.raises(ConfigError, match=message):
        DATASETS.build(photographs | options)

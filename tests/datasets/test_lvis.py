import json
from pathlib import Path

import pytest
from mmdet.datasets import LVISV1Dataset

from visionllm.datasets import AnnotationError, LvisInstructionDataset

from ..images import write_images

NAMES = LVISV1Dataset.METAINFO['classes']


def write(folder, names=NAMES):
    """Write a file in LVIS format, with the published spelling of a class that MMDetection spells differently."""
    names = [name.replace('stereo', 'stero') for name in names]
    image = dict(id=7, width=100, height=80, coco_url='http://images.cocodataset.org/train2017/000000000007.jpg',
                   neg_category_ids=[3, 5], not_exhaustive_category_ids=[1203])
    objects = [dict(id=i, image_id=7, category_id=category, bbox=[10, 10, 20, 20], area=400,
                    segmentation=[[10, 10, 30, 10, 30, 30, 10, 30]]) for i, category in enumerate((1, len(names)))]
    content = dict(images=[image], annotations=objects,
                   categories=[dict(id=i + 1, name=name, frequency='f') for i, name in enumerate(names)][::-1])
    write_images(folder / 'images', [image])
    (folder / 'lvis.json').write_text(json.dumps(content))
    return str(folder / 'lvis.json')


def dataset_of(path, **settings):
    return LvisInstructionDataset(ann_file=path, data_prefix=dict(img=str(Path(path).parent / 'images')), pipeline=[],
                                  **settings)


def test_samples_have_the_verified_names(tmp_path):
    sample = dataset_of(write(tmp_path))[0]
    assert len(sample['text']) == 1203 and 'bus (vehicle)' in sample['text']
    assert [sample['text'][instance['bbox_label']] for instance in sample['instances']] == ['aerosol can', 'zucchini']
    assert sample['verified_names'] == ['aerosol can', 'airplane', 'alcohol']
    assert sample['img_path'] == str(tmp_path / 'images/train2017/000000000007.jpg')


def test_names_are_stored_once_and_not_with_each_image(tmp_path):
    assert len(dataset_of(write(tmp_path)).data_bytes) < 2000


@pytest.mark.parametrize('names, reason', [
    (NAMES[:-1], '1202 categories and the config 1203 classes'),
    ((NAMES[1], NAMES[0], *NAMES[2:]), 'with air_conditioner at another index'),
])
def test_other_categories_raise_an_error(tmp_path, names, reason):
    with pytest.raises(AnnotationError, match=f'{reason}.*order of their ids'):
        dataset_of(write(tmp_path, names))

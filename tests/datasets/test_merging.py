import json

import pytest

from visionllm.datasets import AnnotationError, InstructionCocoDataset
from visionllm.datasets.merging import merge_folders

from ..images import write_images


def write_folder(folder, split, first_id, names, captions=True):
    """Two images, each with an object of every class."""
    images = [dict(id=first_id + i, file_name=f'{first_id + i}.jpg', width=100, height=80) for i in range(2)]
    categories = [dict(id=k + 1, name=name) for k, name in enumerate(names)]
    objects = [dict(image_id=image['id'], category_id=each['id'], bbox=[each['id'], 10, 20, 20], area=400, iscrowd=0)
               for image in images for each in categories]
    texts = [dict(image_id=image['id'], caption=f'a picture of {", ".join(names)}') for image in images]
    (folder / 'annotations').mkdir(parents=True)
    (folder / split).mkdir()
    for kind, records in (('instances', objects), ('captions', texts)):
        content = dict(images=images, annotations=[dict(each, id=i) for i, each in enumerate(records)])
        if kind == 'instances':
            content['categories'] = categories
        if kind == 'instances' or captions:
            (folder / f'annotations/{kind}_{split}.json').write_text(json.dumps(content))
    write_images(folder / split, images)
    return folder, split


def test_objects_keep_their_names_and_images_their_pixels(tmp_path):
    sources = [write_folder(tmp_path / 'a', 'train', 1, ['cat', 'dog']),
               write_folder(tmp_path / 'b', 'val', 11, ['dog', 'cow'], captions=False)]
    summary = merge_folders(sources, tmp_path / 'c', 'train2017')
    assert '4 images of train2017 from 2 folders, 8 instances, 2 captions' in summary
    dataset = InstructionCocoDataset(
        ann_file='annotations/instances_train2017.json', data_root=str(tmp_path / 'c'),
        data_prefix=dict(img='train2017'), metainfo=dict(classes=('cat', 'dog', 'cow')), pipeline=[])
    found = {sample['img_id']: {(sample['text'][each['bbox_label']], each['bbox'][0]) for each in sample['instances']}
             for sample in dataset}
    assert found[1] == found[2] == {('cat', 1), ('dog', 2)} and found[11] == found[12] == {('dog', 1), ('cow', 2)}
    assert (tmp_path / 'c/train2017/11.jpg').read_bytes() == (tmp_path / 'b/val/11.jpg').read_bytes()
    content = json.loads((tmp_path / 'c/annotations/instances_train2017.json').read_text())
    for key in ('annotations', 'categories'):
        assert len({each['id'] for each in content[key]}) == len(content[key])


@pytest.mark.parametrize('kind, old, new, reason', [
    ('instances', '"bbox": [1, 10, 20, 20]', '"bbox": [1, 10, 20]', 'instances_train.json.*annotation'),
    ('captions', '"caption": "a picture of cat"', '"caption": 3', 'captions_train.json.*is not a text')])
def test_a_file_with_a_fault_is_refused(tmp_path, kind, old, new, reason):
    folder, split = write_folder(tmp_path / 'a', 'train', 1, ['cat'])
    file = folder / f'annotations/{kind}_train.json'
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(AnnotationError, match=reason):
        merge_folders([(folder, split)], tmp_path / 'c', 'train')
    assert not (tmp_path / 'c').exists()


def test_two_images_of_one_name_are_refused(tmp_path):
    sources = [write_folder(tmp_path / name, 'train', 1, ['cat']) for name in 'ab']
    with pytest.raises(AnnotationError, match='1.jpg of id 1'):
        merge_folders(sources, tmp_path / 'c', 'train')

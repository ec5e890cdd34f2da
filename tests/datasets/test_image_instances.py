import json

import pytest
from PIL import Image

from visionllm.datasets import AnnotationError, CaptionDataset, ConversationDataset
from visionllm.datasets.scene_dataset import SceneDataset, SceneLanguageDataset
from visionllm.datasets.scenes import CLASSES


def folder_with(folder, annotations, images=(1, 2)):
    """Write two images with captions and questions, and a file of objects."""
    for i in (1, 2):
        Image.new('RGB', (100, 80)).save(folder / f'{i}.jpg')
    records = [dict(id=i, file_name=f'{i}.jpg', height=80, width=100) for i in (1, 2)]
    captions = [dict(id=i, image_id=i, caption='A dog.') for i in (1, 2)]
    questions = [dict(image_id=1, question='how many dogs?', answer='one', kind='count')]
    (folder / 'captions.json').write_text(json.dumps(dict(images=records, annotations=captions)))
    (folder / 'questions.json').write_text(json.dumps(dict(images=records, annotations=questions)))
    objects = dict(images=[r for r in records if r['id'] in images], annotations=annotations,
                   categories=[dict(id=7, name='dining table'), dict(id=9, name='dog')])
    (folder / 'instances.json').write_text(json.dumps(objects))
    return dict(data_root=str(folder), instances_file=str(folder / 'instances.json'))


def box(image, category, xywh, crowd=0):
    return dict(image_id=image, category_id=category, bbox=xywh, iscrowd=crowd)


def test_objects_are_added_to_captions_and_questions_by_image_id(tmp_path):
    place = folder_with(tmp_path, [box(1, 9, [10, 10, 20, 20]), box(1, 7, [0, 0, 50, 40]), box(1, 9, [5, 5, 9, 9])])
    first, second = CaptionDataset('captions.json', per_caption=True, **place)
    assert first['text'] == ('dining table', 'dog') and second['text'] == () and second['instances'] == []
    assert [(i['bbox'], i['bbox_label']) for i in first['instances']] == [
        ([10, 10, 30, 30], 1), ([0, 0, 50, 40], 0), ([5, 5, 14, 14], 1)]
    third = ConversationDataset('questions.json', **place)[0]
    assert third['text'] == first['text'] and third['turns'] == ('one', )


def test_crowds_and_boxes_outside_are_skipped(tmp_path):
    place = folder_with(tmp_path, [box(1, 9, [10, 10, 20, 20], crowd=1), box(1, 7, [200, 0, 50, 40]),
                                   box(2, 7, [0, 0, 0, 5])])
    samples = CaptionDataset('captions.json', **place)
    assert all(sample['instances'] == [] and sample['text'] == () for sample in samples)


def test_an_image_missing_in_the_instances_file_raises_an_error(tmp_path):
    place = folder_with(tmp_path, [], images=(1, ))
    with pytest.raises(AnnotationError, match='captions.json: 1 of 2 records refer to an image of .*instances.json'):
        CaptionDataset('captions.json', **place)


def test_scenes_have_names_of_all_attributes(tmp_path):
    scene = dict(data_root=str(tmp_path), split='train', num_images=3, seed=0)
    for kind in ('captions', 'questions'):
        sample = SceneLanguageDataset(kind, pipeline=[], **scene)[0]
        assert sample['instances'] and set(sample['text']) <= set(CLASSES['description'])
    sample = SceneLanguageDataset('captions', pipeline=[], **scene)[0]
    for name in sample['text']:
        _, colour, _, shape = name.split()
        assert f'{colour} {shape}' in sample['captions'][0]


def test_expressions_with_other_objects(tmp_path):
    scene = dict(data_root=str(tmp_path), split='train', num_images=3, seed=0, pipeline=[])
    dataset = SceneDataset(**scene)
    objects = {info['img_id']: len(info['instances']) for info in map(dataset.get_data_info, range(3))}
    for sample in SceneLanguageDataset('expressions', **scene):
        flags = [instance['ignore_flag'] for instance in sample['instances']]
        assert flags == [0] + [1] * (objects[sample['img_id']] - 1)
    alone = SceneLanguageDataset('expressions', test_mode=True, **scene)[0]
    assert len(alone['instances']) == 1


def test_chained_questions(tmp_path):
    place = dict(data_root=str(tmp_path), split='train', num_images=3, seed=0, pipeline=[])
    alone = [s for s in SceneLanguageDataset('questions', test_mode=True, **place) if s['img_id'] == 1]
    together = [s for s in SceneLanguageDataset('questions', **place) if s['img_id'] == 1]
    assert len(alone) == len(together) > 1
    conversations = [(s['question'], *s['turns']) for s in alone]
    for number, sample in enumerate(together):
        follow = [turn for each in conversations[number:] + conversations[:number] for turn in each]
        assert [sample['question'], *sample['turns']] == follow

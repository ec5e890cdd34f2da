import json

import pytest
from mmdet.registry import DATASETS
from PIL import Image

from visionllm.datasets import AnnotationError, CaptionDataset
from visionllm.datasets.scene_files import write_coco_folder


@pytest.fixture
def log_lines(monkeypatch):
    """Messages to the log."""
    lines = []
    monkeypatch.setattr('visionllm.datasets.sentences.print_log', lambda text, *_, **__: lines.append(text))
    return lines


def coco(folder, captions, names=('a.jpg', 'b.jpg'), sizes=True):
    """Write a COCO caption file; ``captions`` maps image ids to captions."""
    for name in names:
        Image.new('RGB', (100, 80)).save(folder / name)
    images = [dict(id=i, file_name=n) | (dict(height=80, width=100) if sizes else {}) for i, n in enumerate(names, 1)]
    records = [dict(id=n, image_id=i, caption=t) for i, texts in captions.items() for n, t in enumerate(texts)]
    (folder / 'captions.json').write_text(json.dumps(dict(images=images, annotations=records)))
    return str(folder)


def karpathy(folder, **changes):
    """Write a Karpathy file of four images, one per split; some images have their COCO 2017 name."""
    for name in ('train2017/000000000001.jpg', 'val2017/000000000002.jpg', 'val2014/COCO_val2014_000000000003.jpg',
                 'train2017/000000000004.jpg'):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.new('RGB', (64, 48)).save(folder / name)
    images = [dict(filepath='val2014', filename=f'COCO_val2014_{i:012d}.jpg', cocoid=i, imgid=i - 1, split=split,
                   sentids=[], sentences=[dict(raw=f'Sentence {n} of {i}.', tokens=[], imgid=i) for n in range(5)])
              | changes for i, split in enumerate(['train', 'restval', 'val', 'test'], 1)]
    (folder / 'dataset_coco.json').write_text(json.dumps(dict(images=images, dataset='coco')))
    return str(folder)


def test_one_sample_per_image_or_per_caption(tmp_path):
    root = coco(tmp_path, {2: ['A dog.', ' A\nbrown  dog. '], 1: ['A cat.']})
    dataset = CaptionDataset('captions.json', root)
    assert [sample['captions'] for sample in dataset] == [['A cat.'], ['A dog.', 'A brown dog.']]
    sample = dataset[1]
    assert sample['img_path'] == str(tmp_path / 'b.jpg') and sample['img_id'] == 2
    assert (sample['height'], sample['width']) == (80, 100) and sample['instances'] == [] and sample['text'] == ()
    assert 'turns' not in sample
    each = CaptionDataset('captions.json', root, per_caption=True)
    assert [sample['turns'] for sample in each] == [('A cat.', ), ('A dog.', ), ('A brown dog.', )]
    assert [sample['captions'] for sample in each] == [['A cat.'], ['A dog.'], ['A brown dog.']]


@pytest.mark.parametrize('per_caption, messages', [
    (False, ['skipped: 1 of 2, there is no usable caption', '1 of 2, a caption']),
    (True, ['skipped: 3 of 4, there is no usable caption'])])
def test_unusable_captions_are_counted(tmp_path, log_lines, per_caption, messages):
    root = coco(tmp_path, {2: ['A dog.', ' ', 'An <image> of a dog.']})
    dataset = CaptionDataset('captions.json', root, per_caption=per_caption)
    assert [sample['captions'] for sample in dataset] == [['A dog.']]
    assert len(log_lines) == len(messages)
    for line, expected in zip(log_lines, messages):
        assert expected in line


def test_the_karpathy_split(tmp_path):
    root = karpathy(tmp_path)
    train = CaptionDataset('dataset_coco.json', root, split=('train', 'restval'), per_caption=True)
    assert len(train) == 10 and train[9]['turns'] == ('Sentence 4 of 2.', )
    (val, ) = CaptionDataset('dataset_coco.json', root, split='val')
    assert val['img_id'] == 3 and val['captions'] == [f'Sentence {n} of 3.' for n in range(5)]
    assert val['img_path'] == str(tmp_path / 'val2014/COCO_val2014_000000000003.jpg')
    assert train[0]['img_path'] == str(tmp_path / 'train2017/000000000001.jpg')  # COCO 2017's name
    assert train[5]['img_path'] == str(tmp_path / 'val2017/000000000002.jpg')
    assert (val['height'], val['width']) == (48, 64)  # not in the file: read from the image
    with pytest.raises(AnnotationError, match='holds the splits restval, test, train, val'):
        CaptionDataset('dataset_coco.json', root)
    with pytest.raises(AnnotationError, match='no split testA'):
        CaptionDataset('dataset_coco.json', root, split='testA')


def test_sizes_are_those_of_the_upright_image(tmp_path):
    root = coco(tmp_path, {1: ['A cat.']}, names=('a.jpg', ), sizes=False)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (100, 80)).save(tmp_path / 'a.jpg', exif=exif)
    sample = CaptionDataset('captions.json', root, pipeline=[dict(type='mmdet.LoadImage')])[0]
    assert (sample['height'], sample['width']) == sample['img_shape'] == (100, 80)


def test_missing_and_unknown_images(tmp_path, log_lines):
    root = coco(tmp_path, {1: ['A cat.'], 2: ['A dog.']})
    (tmp_path / 'b.jpg').unlink()
    with pytest.raises(AnnotationError, match=f'1 of the 2 images .*captions.json are not in {tmp_path}.*b.jpg'):
        CaptionDataset('captions.json', root)
    assert len(CaptionDataset('captions.json', root, missing='leave_out')) == 1 and '1 of the 2' in log_lines[0]
    root = coco(tmp_path, {1: ['A cat.'], 5: ['A dog.']})
    with pytest.raises(AnnotationError, match='captions.json: annotations of an image that is not in the file: 1'):
        CaptionDataset('captions.json', root)


def test_images_under_another_spelling_are_found_and_counted(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr('visionllm.annotations.findings.print_log', lambda text, *_, **__: lines.append(text))
    root = coco(tmp_path, {1: ['A cat.'], 2: ['A dog.'], 3: ['A cow.']}, names=('a b.jpg', 'sub.png', 'c.jpg'))
    (tmp_path / 'sub').mkdir()
    (tmp_path / 'sub.png').rename(tmp_path / 'sub/b.JPG')
    path = tmp_path / 'captions.json'
    path.write_text(path.read_text().replace('a b.jpg', 'a%20b.jpg').replace('sub.png', r'sub\\b.jpg'))
    paths = [sample['img_path'] for sample in CaptionDataset('captions.json', root)]
    assert paths == [str(tmp_path / name) for name in ('a b.jpg', 'sub/b.JPG', 'c.jpg')]
    assert len(lines) == 1 and 'another spelling' in lines[0] and ': 2 (the first is a%20b.jpg)' in lines[0]


@pytest.mark.parametrize('content, reason', [
    ('{"images": [], "annotations": []}', 'no captions'), ('[1, 2]', 'no captions'), ('{"im', 'is not JSON'),
    ('{"images": [{"file_name": "a.jpg"}], "annotations": [{"image_id": 1, "caption": "a"}]}', 'images without an id'),
    ('{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1, "caption": ""}]}', 'leaves no sample'),
    ('{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1, "caption": 3}]}', 'is not a text: 1'),
    ('{"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}], "annotations": [{"caption": "a"}]}',
     'the id of another one'),
    ('{"images": [{"id": 1, "file_name": "a", "width": -1, "height": 5}], "annotations": [{"caption": "a"}]}',
     'width and height')])
def test_other_formats_raise_an_error(tmp_path, content, reason):
    (tmp_path / 'c.json').write_text(content)
    with pytest.raises(AnnotationError, match=f'c.json.*{reason}'):
        CaptionDataset('c.json', str(tmp_path))


def test_scenes(tmp_path):
    write_coco_folder(tmp_path, 'test', num_images=4, seed=0)
    dataset = DATASETS.build(dict(type='CaptionDataset', data_root=str(tmp_path), data_prefix=dict(img='images/test'),
                                  ann_file='annotations/captions_test.json', pipeline=[dict(type='LoadImage')]))
    assert len(dataset) == 4 and all(len(sample['captions']) == 5 for sample in dataset)
    assert dataset[0]['img'].shape == (128, 128, 3)


@pytest.mark.parametrize('file, folder, num_images, num_captions', [
    ('coco-mini/annotations/captions_val2017.json', 'coco-mini/val2017', 100, 500),
    ('coco-mini/annotations/captions_train2017.json', 'coco-mini/train2017', 130, 650),
    ('coco-boxes-256/annotations/captions_val.json', 'coco-boxes-256/val', 300, 1501)])
def test_real_captions(data, log_lines, file, folder, num_images, num_captions):
    dataset = CaptionDataset(file, str(data), dict(img=folder))
    assert len(dataset) == num_images and sum(len(sample['captions']) for sample in dataset) == num_captions
    assert len(CaptionDataset(file, str(data), dict(img=folder), per_caption=True)) == num_captions
    assert not log_lines

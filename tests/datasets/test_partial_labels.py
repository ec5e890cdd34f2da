"""Files that are labelled with some of the classes: no other is named, and labels keep their names."""

import json

import pytest

from visionllm.datasets import AnnotationError, InstructionCocoDataset, LvisInstructionDataset

from ..images import write_images

CONFIGURED = ('cat', 'dog', 'cow', 'bird')


def dataset_of(folder, names, objects, **settings):
    """A file with categories ``names`` and an object of each name of ``objects``."""
    content = dict(
        images=[dict(id=1, file_name='a.jpg', width=100, height=80)],
        categories=[dict(id=10 + i, name=name) for i, name in enumerate(names)],
        annotations=[dict(id=i, image_id=1, category_id=10 + names.index(name), bbox=[i, i, 20, 20], area=400)
                     for i, name in enumerate(objects)])
    write_images(folder, content['images'])
    (folder / 'a.json').write_text(json.dumps(content))
    return InstructionCocoDataset(ann_file=str(folder / 'a.json'), data_prefix=dict(img=str(folder)), pipeline=[],
                                  metainfo=dict(classes=CONFIGURED, palette=[(i, i, i) for i in range(4)]), **settings)


def names_of(sample):
    return [sample['text'][instance['bbox_label']] for instance in sample['instances']]


@pytest.mark.parametrize('names', [('cat', 'cow'), ('bird', 'dog', 'fish'), ('bird', 'cow', 'dog', 'cat')])
def test_objects_keep_the_names_of_a_partial_file(tmp_path, names):
    dataset = dataset_of(tmp_path, names, names)
    known = [name for name in names if name in CONFIGURED]
    assert list(dataset[0]['text']) == list(dataset.metainfo['classes']) == known
    assert names_of(dataset[0]) == known
    assert dataset.metainfo['palette'] == [(CONFIGURED.index(name), ) * 3 for name in known]


def test_a_file_that_lists_more_than_was_looked_for(tmp_path):
    dataset = dataset_of(tmp_path, CONFIGURED, ('dog', 'bird', 'cow'), labelled_names=('cow', 'dog'))
    assert dataset[0]['text'] == ('dog', 'cow') and names_of(dataset[0]) == ['dog', 'cow']


@pytest.mark.parametrize('names, reason', [(('cow', 'fish'), 'names fish; .*: cat, cow'), ((), 'names nothing')])
def test_labelled_names_that_the_file_lacks_raise_an_error(tmp_path, names, reason):
    with pytest.raises(AnnotationError, match=reason):
        dataset_of(tmp_path, ('cat', 'cow', 'fish'), ('cat', ), labelled_names=names)


def test_partial_labels_are_told(tmp_path, monkeypatch):
    log_lines = []
    monkeypatch.setattr('visionllm.datasets.coco.print_log', lambda text, *_, **__: log_lines.append(text))
    dataset_of(tmp_path, CONFIGURED, ('dog', ))
    assert not log_lines
    dataset_of(tmp_path, ('cat', 'dog'), ('dog', ))
    assert '2 of the 4 classes' in log_lines[0]


def test_lvis_says_it_image_by_image(tmp_path):
    names = LvisInstructionDataset.METAINFO['classes']
    content = dict(images=[], annotations=[], categories=[dict(id=i + 1, name=n) for i, n in enumerate(names)])
    (tmp_path / 'lvis.json').write_text(json.dumps(content))
    with pytest.raises(AnnotationError, match='image by image'):
        LvisInstructionDataset(ann_file=str(tmp_path / 'lvis.json'), pipeline=[], labelled_names=['aerosol_can'])

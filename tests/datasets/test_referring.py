import json
import os
import pickle
import runpy
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from mmcv.transforms import Compose
from mmdet.registry import DATASETS
from PIL import Image

from visionllm.datasets import AnnotationError, ReferringDataset, WriteInstruction
from visionllm.datasets.leakage import held_out_images, remove_held_out
from visionllm.datasets.referring_files import read_plain_pickle
from visionllm.datasets.scene_files import write_coco_folder
from visionllm.language import parse_instruction

from ..conftest import ROOT

SQUARE, OTHER = [10.0, 10.0, 30.0, 10.0, 30.0, 30.0, 10.0, 30.0], [50.0, 50.0, 60.0, 50.0, 60.0, 60.0]


@pytest.fixture
def log_lines(monkeypatch):
    """Messages to the log."""
    lines = []
    monkeypatch.setattr('visionllm.datasets.sentences.print_log', lambda text, *_, **__: lines.append(text))
    return lines


def write_image(folder: Path, name: str, size=(100, 80)):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', size).save(folder / name)


def record(expression='a cat', box=(10, 20, 40, 60), **more):
    return dict(image='a.jpg', image_id=7, width=100, height=80, expression=expression, bbox_xyxy=box) | more


def dataset_of(folder: Path, records, lines=False, **settings):
    """A dataset of records of one image."""
    write_image(folder, 'a.jpg')
    text = '\n'.join(json.dumps(r, ensure_ascii=False) for r in records) if lines else json.dumps(records)
    (folder / 'e.json').write_text(text, 'utf-8')
    return ReferringDataset('e.json', str(folder), **settings)


def write_refs(folder: Path, refs=None, protocol=2):
    """Write RefCOCO as published: three objects in two images, five sentences."""
    names = ['COCO_train2014_000000000007.jpg', 'COCO_train2014_000000000009.jpg']
    segmentations = [[SQUARE, OTHER], dict(size=[80, 100], counts=[80 * 100]), [[1, 1, 2, 2]]]
    objects = [dict(id=i + 10, image_id=(7, 7, 9)[i], bbox=[10, 10, 20, 20], iscrowd=0, category_id=1, segmentation=s)
               for i, s in enumerate(segmentations)]
    images = [dict(id=i, file_name=n, width=100, height=80) for i, n in zip((7, 9), names)]
    (folder / 'instances.json').write_text(json.dumps(dict(
        images=images, annotations=objects, categories=[dict(id=1, name='cat')])))
    sentences = {10: ['left cat', 'the  "big"\tone'], 11: ['the table', 'low thing'], 12: ['a dog']}
    refs = refs or [
        dict(ref_id=i, ann_id=ann, image_id=9 if ann == 12 else 7, split=split, category_id=1, sent_ids=[],
             sentences=[dict(sent_id=n, sent=s, raw=s.upper(), tokens=s.split()) for n, s in enumerate(sentences[ann])])
        for i, (ann, split) in enumerate([(10, 'train'), (11, 'val'), (12, 'testA')])]
    (folder / 'refs(unc).p').write_bytes(pickle.dumps(refs, protocol))
    for name in names:
        write_image(folder / 'images', name)
    return refs


def published(folder: Path, split, **settings):
    return ReferringDataset('refs(unc).p', str(folder), dict(img='images'), split=split, **settings)


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_published_files(tmp_path, protocol):
    write_refs(tmp_path, protocol=protocol)
    train = published(tmp_path, 'train')
    assert [train[i]['expression'] for i in range(len(train))] == ['left cat', "the 'big' one"]
    sample = train[0]
    assert sample['text'] == ('left cat', ) and sample['relation'] is False and sample['img_id'] == 7
    assert (sample['height'], sample['width']) == (80, 100)
    assert sample['instances'] == [dict(bbox=[10, 10, 30, 30], bbox_label=0, ignore_flag=0, mask=[SQUARE, OTHER])]
    assert sample['img_path'] == str(tmp_path / 'images/COCO_train2014_000000000007.jpg')
    assert len(published(tmp_path, ('train', 'val'))) == 4


def test_an_expression_can_mean_several_objects_or_none(tmp_path):
    refs = [dict(ref_id=i, ann_id=ann, image_id=7, split='train', category_id=1, sent_ids=[],
                 sentences=[dict(sent_id=i, sent=text, raw=text, tokens=[])])
            for i, (ann, text) in enumerate([([10, 11], 'both'), ([-1], 'the zebra'), (-1, 'a lion'), ([10], 'one')])]
    write_refs(tmp_path, refs)
    (tmp_path / 'grefs(unc).json').write_text(json.dumps(refs))
    for name in ('refs(unc).p', 'grefs(unc).json'):
        dataset = ReferringDataset(name, str(tmp_path), dict(img='images'), split='train')
        assert [len(sample['instances']) for sample in dataset] == [2, 0, 0, 1]


def test_an_object_without_polygon_keeps_its_box_and_is_counted(tmp_path, log_lines):
    write_refs(tmp_path)
    assert published(tmp_path, 'testA')[0]['instances'][0]['mask'] == [SQUARE]
    assert '1 of 1, an object has no polygon' in log_lines[-1]
    published(tmp_path, 'val')  # run lengths of nothing
    assert '2 of 2, an object has no polygon' in log_lines[-1]


def test_the_split_must_be_named_and_be_there(tmp_path):
    write_refs(tmp_path)
    with pytest.raises(AnnotationError, match='holds the splits testA, train, val'):
        published(tmp_path, None)
    with pytest.raises(AnnotationError, match='no split testB; it has testA, train, val'):
        published(tmp_path, ('testA', 'testB'))
    with pytest.raises(AnnotationError, match='none at all'):
        dataset_of(tmp_path, [record()], split='val')
    assert len(dataset_of(tmp_path, [record(split='validation')], split='val')) == 1


def test_refs_and_instances_must_belong_together(tmp_path):
    refs = write_refs(tmp_path)
    write_refs(tmp_path, [refs[0], {**refs[1], 'ann_id': 999}])
    with pytest.raises(AnnotationError, match=r'refs\(unc\).p: 1 of 2 records refer to an object.*999'):
        published(tmp_path, 'val')
    (tmp_path / 'instances.json').unlink()
    with pytest.raises(AnnotationError, match='instances.json does not exist'):
        published(tmp_path, 'val')


class Evil:
    """Calls a function when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize('call', [lambda mark: Evil(os.mkdir, mark),
                                  lambda mark: Evil(exec, f'import os; os.mkdir({mark!r})')])
def test_no_code_of_a_pickle_is_run(tmp_path, protocol, call):
    mark = tmp_path / 'it ran'
    refs = write_refs(tmp_path)
    refs[2]['sentences'][0]['tokens'] = [call(str(mark))]  # nested in an otherwise valid file
    (tmp_path / 'refs(unc).p').write_bytes(pickle.dumps(refs, protocol))
    with pytest.raises(AnnotationError, match=r'refs\(unc\).p was not read.*can run code \(it asks for '):
        published(tmp_path, 'train')
    with pytest.raises(AnnotationError):
        held_out_images(tmp_path / 'refs(unc).p')
    assert not mark.exists()
    pickle.loads((tmp_path / 'refs(unc).p').read_bytes())
    assert mark.exists()  # the ordinary loader would have run it


def test_other_objects_and_damaged_pickles_are_refused(tmp_path):
    path = tmp_path / 'refs.p'
    path.write_bytes(pickle.dumps([np.int64(3)]))
    with pytest.raises(AnnotationError, match='it asks for numpy'):
        read_plain_pickle(path)
    for protocol in (0, 2, 4):
        whole = pickle.dumps([dict(ref_id=1, sentences=['a', 'b'])], protocol)
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            with pytest.raises(AnnotationError, match='was not read'):
                read_plain_pickle(path)
    for junk in (b'hello', b'\x80\x02X\xff\xff\xff\xffa.', b'Pid\n.', b'\x80\x02\x82\x01.', b'I1\nI2\nR.', b'\xff\xd8'):
        path.write_bytes(junk)
        with pytest.raises(AnnotationError, match='was not read'):
            read_plain_pickle(path)


@pytest.mark.parametrize('content, text', [(b"S'caf\\xc3\\xa9'\n.", 'café'), (b'\x80\x02U\x05caf\xc3\xa9.', 'café'),
                                           (b'\x80\x02U\x04caf\xe9.', 'caf\ufffd')])
def test_text_of_python_2(tmp_path, content, text):
    (tmp_path / 'a.p').write_bytes(content)
    assert read_plain_pickle(tmp_path / 'a.p') == text


def test_mdetr_json(tmp_path):
    images = [dict(id=i, original_id=7, file_name='COCO_train2014_000000000007.jpg', width=100, height=80, caption=text,
                   dataset_name='refcoco', tokens_negative=[[0, 3]])
              for i, text in enumerate(['left cat', 'both cats', 'a whale'])]
    objects = [dict(id=i, image_id=image, bbox=[5 * i, 10, 20, 20], category_id=1, iscrowd=0, tokens_positive=[[0, 3]])
               for i, image in enumerate([0, 1, 1])]
    content = dict(info={}, licenses=[], images=images, annotations=objects, categories=[])
    (tmp_path / 'finetune_refcoco_train.json').write_text(json.dumps(content))
    write_image(tmp_path, 'train2017/000000000007.jpg')
    dataset = ReferringDataset('finetune_refcoco_train.json', str(tmp_path))
    assert [[i['bbox'][0] for i in dataset[n]['instances']] for n in range(3)] == [[0], [5, 10], []]
    sample = dataset[1]
    assert sample['text'] == ('both cats', ) and sample['img_id'] == 7 and 'mask' not in sample['instances'][0]
    assert sample['img_path'] == str(tmp_path / 'train2017/000000000007.jpg')  # COCO 2017's name for it


@pytest.mark.parametrize('lines', [False, True])
@pytest.mark.parametrize('count', [1, 3])
def test_records_as_list_or_lines(tmp_path, lines, count):
    records = [record(), record('nothing', None), record('\u2028 odd \u2028 space', [0, 0, 9, 9], relation=True)]
    dataset = dataset_of(tmp_path, records[:count], lines)
    assert len(dataset) == count
    assert dataset[0]['instances'] == [dict(bbox=[10, 20, 40, 60], bbox_label=0, ignore_flag=0)]
    if count == 3:
        assert dataset[1]['instances'] == [] and dataset[2]['relation'] is True
        assert dataset[2]['expression'] == 'odd space'


def test_scenes(tmp_path):
    write_coco_folder(tmp_path, 'train', num_images=6, seed=0)
    dataset = DATASETS.build(dict(type='ReferringDataset', data_root=str(tmp_path),
                                  data_prefix=dict(img='images/train'), ann_file='annotations/expressions_train.json'))
    written = json.loads((tmp_path / 'annotations/expressions_train.json').read_text())['annotations']
    boxes = {a['id']: a for a in json.loads((tmp_path / 'annotations/instances_train.json').read_text())['annotations']}
    assert len(dataset) == len(written) > 10
    assert {r['relation'] for r in written} == {True, False}
    for sample, annotation in zip(dataset, written):
        x, y, w, h = boxes[annotation['ann_id']]['bbox']
        assert sample['expression'] == annotation['expression'] and sample['relation'] == annotation['relation']
        assert sample['instances'][0]['bbox'] == [x, y, x + w, y + h]
        assert sample['img_id'] == annotation['image_id'] and len(sample['instances'][0]['mask'][0]) >= 6


@pytest.mark.parametrize('expression, reason', [
    ('', 'the expression is blank'), (' \n ', 'the expression is blank'), (None, 'the expression is blank'),
    ('very ' * 499 + 'big', 'more than 100 words'), ('the <image> there', 'contains a reserved token'),
    ('a <c3>', 'contains a reserved token'),
    ('box (c, x1, y1)', 'contains an output tuple'), ('(text)', 'contains an output tuple')])  # yapf: disable
def test_unusable_expressions_are_counted(tmp_path, log_lines, expression, reason):
    good = record('a < b, (cat) "quoted"')
    dataset = dataset_of(tmp_path, [good, record(expression, image_id=8), record(expression)])
    assert len(dataset) == 1
    (line, ) = log_lines
    assert 'skipped: 2 of 3, ' in line and reason in line and 'the first is 8' in line
    with pytest.raises(AnnotationError, match=f'leaves no sample.*1 of 1.*{reason}'):
        dataset_of(tmp_path, [record(expression)])


def test_expressions_can_be_put_into_instructions(tmp_path):
    dataset = dataset_of(tmp_path, [record('the sign that says "a: <b>" \\ {0}'), record('word ' * 100)])
    for wording in range(20):
        for sample in dataset:
            text = WriteInstruction('grounding', wording)(sample)['instruction']
            assert parse_instruction(text).class_names == sample['text']


@pytest.mark.parametrize('box', [[10, 10, 10, 30], [10, 10, 5, 5], [100, 0, 130, 20], [-9, 0, 0, 20],
                                 [float('nan'), 0, 20, 20]])
def test_boxes_outside_are_counted(tmp_path, log_lines, box):
    assert len(dataset_of(tmp_path, [record(), record(box=box), record(box=[-5, -5, 200, 200])])) == 2
    assert '1 of 3, a box is empty or outside its image' in log_lines[0]


def test_missing_images(tmp_path, log_lines):
    records = [record(), record(image='b.jpg'), record(image='c.jpg'), record(image='c.jpg')]
    with pytest.raises(AnnotationError, match=f'2 of the 3 images .* are not in {tmp_path} .*b.jpg'):
        dataset_of(tmp_path, records)
    assert len(dataset_of(tmp_path, records, missing='leave_out')) == 1
    assert '2 of the 3 images' in log_lines[0]
    assert len(dataset_of(tmp_path, records, missing='keep')) == 4
    with pytest.raises(AnnotationError, match='1 of the 1 images'):
        dataset_of(tmp_path, records[1:2], missing='leave_out')
    with pytest.raises(ValueError, match='"error", "leave_out" or "keep", not \'no\''):
        dataset_of(tmp_path, records, missing='no')


@pytest.mark.parametrize('content, reason', [
    ('', 'is not JSON'), ('{"expression": "a"}\n{"expr', 'line 2, is not JSON'), ('[]', 'no referring expressions'),
    ('{"images": [{"id": 1}], "annotations": [{"id": 1, "bbox": [0, 0, 1, 1]}]}', 'no referring expressions'),
    ('[{"expression": "a", "image": "a.jpg", "image_id": 1, "height": 9, "width": 9}]', "a record lacks 'bbox'"),
    ('[{"expression": 3, "image": "a", "image_id": 1, "height": 9, "width": 9, "bbox": null}]', 'of the wrong type'),
    ('[{"expression": "a", "image": "a", "image_id": 1, "height": 9, "width": 9, "bbox": 4}]', 'of the wrong type')])
def test_other_formats_raise_an_error(tmp_path, content, reason):
    (tmp_path / 'e.json').write_text(content)
    with pytest.raises(AnnotationError, match=f'e.json.*{reason}'):
        ReferringDataset('e.json', str(tmp_path))
    with pytest.raises(AnnotationError, match='gone.json does not exist'):
        ReferringDataset('gone.json', str(tmp_path))


def pipeline(**loaded):
    return Compose([dict(type='mmdet.LoadImage'), dict(type='mmdet.LoadAnnotations', with_bbox=True, **loaded),
                    dict(type='mmdet.PackDetInputs', meta_keys=('img_id', 'text', 'relation'))])


def test_mmdetections_transforms_take_the_samples(tmp_path):
    nothing, cat = (pipeline()(sample) for sample in dataset_of(tmp_path, [record('nothing', None), record()]))
    assert nothing['data_samples'].gt_instances.bboxes.shape == (0, 4) and cat['inputs'].shape == (3, 80, 100)
    assert cat['data_samples'].gt_instances.bboxes.tensor.tolist() == [[10, 20, 40, 60]]
    assert cat['data_samples'].gt_instances.labels.tolist() == [0] and cat['data_samples'].text == ('a cat', )
    write_refs(tmp_path)
    packed = pipeline(with_mask=True, poly2mask=False)(published(tmp_path, 'train')[0])
    assert len(packed['data_samples'].gt_instances.masks.masks[0]) == 2


def test_real_files(data, log_lines):
    sizes = dict(val=36, testA=12, testB=26)
    sample = data / 'refcoco/sample'
    datasets = {split: published(sample, split, missing='error') for split in sizes}
    assert {split: len(dataset) for split, dataset in datasets.items()} == sizes
    names = dict(refcoco_unc=10834, refcocog_umd=4896)
    names['refcoco+_unc'] = 10758
    found = {name: ReferringDataset(str(data / f'refcoco/REC_{name}_val.jsonl'), missing='keep') for name in names}
    assert {name: len(dataset) for name, dataset in found.items()} == names
    assert not log_lines  # nothing was left out
    # the same expressions, from the pickle and from the complete list of lines
    whole = found['refcoco_unc']
    lines = Counter((s['img_id'], s['expression'], *np.round(s['instances'][0]['bbox'], 2)) for s in whole)
    val = Counter((s['img_id'], s['expression'], *np.round(s['instances'][0]['bbox'], 2)) for s in datasets['val'])
    assert val <= lines and val.total() == 36
    with pytest.raises(AnnotationError, match='1500 of the 1500 images'):
        ReferringDataset(str(data / 'refcoco/REC_refcoco_unc_val.jsonl'))


def test_real_records_without_object(data):
    dataset = ReferringDataset('expressions.json', str(data / 'refcocos'), dict(img='images'))
    assert len(dataset) == 267 and sum(not sample['instances'] for sample in dataset) == 11
    assert pipeline()(dataset[0])['inputs'].shape == (3, 385, 480)


def test_held_out_images_are_removed(tmp_path, monkeypatch, capsys):
    write_refs(tmp_path)
    images = [dict(id=i, file_name=f'{i:012d}.jpg', width=100, height=80) for i in (5, 7, 9, 11)]
    annotations = [dict(id=i, image_id=image, category_id=1, bbox=[1, 2, 3, 4], area=12, iscrowd=0)
                   for i, image in enumerate([5, 7, 7, 9, 11])]
    categories = [dict(id=1, name='cat')]
    coco, out = tmp_path / 'instances_train2017.json', tmp_path / 'clean.json'
    coco.write_text(json.dumps(dict(info='kept', images=images, annotations=annotations, categories=categories)))
    arguments = ['--instances', coco, '--refs', tmp_path / 'refs(unc).p', '--out', out]
    monkeypatch.setattr(sys, 'argv', ['convert_refcoco.py', *map(str, arguments)])
    runpy.run_path(str(ROOT / 'tools/convert_refcoco.py'), run_name='__main__')
    assert '2 images with 2 annotations; removed 2 images with 3 annotations' in capsys.readouterr().out
    left = json.loads(out.read_text())
    assert left == dict(info='kept', images=[images[0], images[3]], annotations=[annotations[0], annotations[4]],
                        categories=categories)


def test_what_is_held_out(tmp_path):
    refs = write_refs(tmp_path)
    assert held_out_images(tmp_path / 'refs(unc).p') == {7, 9}  # 7 is in train as well as in val
    mdetr = dict(images=[dict(id=0, original_id=5, file_name='a', height=1, width=1, caption='a')], annotations=[])
    (tmp_path / 'mdetr.json').write_text(json.dumps(mdetr))
    assert held_out_images(tmp_path / 'mdetr.json') == {5}
    (tmp_path / 'e.json').write_text(json.dumps([record(split='val'), record(image_id=8, split='train')]))
    assert held_out_images(tmp_path / 'e.json') == {7}
    write_refs(tmp_path, refs[:1])
    with pytest.raises(AnnotationError, match='holds out no image'):
        held_out_images(tmp_path / 'refs(unc).p')


def test_a_removal_of_nothing_or_everything_raises_an_error(tmp_path):
    write_refs(tmp_path)
    for ids in ([1, 2], [7, 9]):
        coco = dict(images=[dict(id=i, file_name=f'{i}.jpg', width=9, height=9) for i in ids], annotations=[],
                    categories=[])
        (tmp_path / 'coco.json').write_text(json.dumps(coco))
        with pytest.raises(AnnotationError, match='so nothing was written'):
            remove_held_out(tmp_path / 'coco.json', [tmp_path / 'refs(unc).p'], tmp_path / 'out.json')
    assert not (tmp_path / 'out.json').exists()


@pytest.mark.parametrize('annotation, reason', [(dict(image_id=1, caption=3), 'caption is not a text'),
                                                (dict(image_id=1, category_id=4), 'category that is not in the file')])
def test_a_file_with_a_fault_is_not_copied(tmp_path, annotation, reason):
    write_refs(tmp_path)
    images = [dict(id=1, file_name='a.jpg', width=9, height=9)]
    (tmp_path / 'coco.json').write_text(json.dumps(dict(images=images, annotations=[annotation], categories=[])))
    with pytest.raises(AnnotationError, match=reason):
        remove_held_out(tmp_path / 'coco.json', [tmp_path / 'refs(unc).p'], tmp_path / 'out.json')


def test_real_images_are_removed(data, tmp_path):
    refs = [data / 'refcoco/sample/refs(unc).p', *sorted((data / 'refcoco').glob('*.jsonl'))]
    held_out = set().union(*map(held_out_images, refs))
    coco = data / 'coco-mini/annotations/instances_train2017.json'
    before = json.loads(coco.read_text())
    shared = {image['id'] for image in before['images']} & held_out
    assert shared
    remove_held_out(coco, refs, tmp_path / 'out.json')
    after = json.loads((tmp_path / 'out.json').read_text())
    assert {i['id'] for i in before['images']} - {i['id'] for i in after['images']} == shared
    assert not {a['image_id'] for a in after['annotations']} & held_out
    assert after['categories'] == before['categories']

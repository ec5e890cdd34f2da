"""Documents of pictures and text: MMC4's and OBELICS' files, tar shards, and damaged ones."""

import io
import json
import tarfile
from base64 import b64encode

import pytest
from PIL import Image

from visionllm.annotations import AnnotationError
from visionllm.datasets import InterleavedDataset

PIPELINE = [dict(type='LoadImage'), dict(type='PackInstructionInputs')]


def jpeg(grey=0, side=(8, 6)):
    file = io.BytesIO()
    Image.new('RGB', side, (grey, ) * 3).save(file, 'jpeg')
    return file.getvalue()


def mmc4(**changes):
    info = [dict(image_name=f'{name}.jpg', matched_text_index=index, matched_sim=sim)
            for name, index, sim in (('b', 3, 0.3), ('a', 1, 0.25), ('low', 2, 0.1))]
    return dict(url='https://a', text_list=['Opening.', 'One.', ' More\nof one.', 'Two.'], image_info=info) | changes


OBELICS = dict(texts=['Opening.', None, 'One.', 'More of one.', None, 'Two.', None],
               images=[None, 'https://a.org/x/a.jpg?w=3', None, None, 'b.jpg', None, 'https://a.org/end.jpg'])


def write(folder, records, names='abl', suffix='json'):
    for number, name in enumerate(names):
        (folder / f'{dict(l="low").get(name, name)}.jpg').write_bytes(jpeg(100 * number))
    (folder / f'documents.{suffix}').write_text(records if isinstance(records, str) else json.dumps(records))
    return str(folder)


def load(folder, ann_file='documents.json', **options):
    return InterleavedDataset(ann_file, PIPELINE, data_root=str(folder), **options)


def instructions(document):
    return [sample['data_samples'].instruction for sample in document]


def learned(document):
    assert all('turns' not in sample['data_samples'] for sample in document[:-1])
    return document[-1]['data_samples'].turns


def test_a_picture_stands_before_the_text_that_it_belongs_to(tmp_path):
    dataset = load(write(tmp_path, [mmc4()]), min_similarity=0.24)
    assert len(dataset) == 1
    assert instructions(dataset[0]) == ['Opening.<image>(text)One. More of one.<|endofchunk|>', '<image>(text)']
    assert learned(dataset[0]) == ('Two.', )
    assert [int(sample['inputs'].max()) for sample in dataset[0]] == [0, 100]
    assert dataset[0][1]['data_samples'].img_path == f'{tmp_path}/b.jpg'


def test_obelics_says_the_same_and_a_picture_without_text_is_left_out(tmp_path):
    Image.new('RGB', (8, 6)).save(tmp_path / 'end.jpg')
    dataset = load(write(tmp_path, json.dumps(OBELICS) + '\n' + json.dumps(OBELICS), suffix='jsonl'),
                   'documents.jsonl')
    assert len(dataset) == 2
    assert instructions(dataset[1]) == ['Opening.<image>(text)One. More of one.<|endofchunk|>', '<image>(text)']


def test_long_documents_are_cut(tmp_path):
    folder = write(tmp_path, [mmc4()])
    dataset = load(folder, max_images=1, max_words=2)
    assert [instructions(each) for each in dataset] == [['Opening.<image>(text)'], ['<image>(text)'], ['<image>(text)']]
    assert [learned(each) for each in dataset] == [('One.', ), ('More of', ), ('Two.', )]


def shard(path, members):
    with tarfile.open(path, 'w') as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))


def test_shards_hold_the_same_documents(tmp_path):
    inside = mmc4(image_info=[dict(image_name='d', image_base64=b64encode(jpeg(50)).decode(), matched_text_index=0)])
    shard(tmp_path / '0.tar', {'000.json': json.dumps(mmc4(image_info=mmc4()['image_info'][:2])).encode(),
                               '000.a.jpg': jpeg(), '000.b.jpg': jpeg(100)})
    shard(tmp_path / '1.tar', {'001.json': json.dumps(inside).encode()})
    first, second = load(tmp_path, '*.tar')
    assert instructions(first) == ['Opening.<image>(text)One. More of one.<|endofchunk|>', '<image>(text)']
    assert [int(sample['inputs'].max()) for sample in first] == [0, 100] and int(second[0]['inputs'].max()) == 50
    assert first[1]['data_samples'].img_path == f'{tmp_path}/0.tar: 000.b.jpg'


@pytest.mark.parametrize('records, said', [
    ([dict(caption='A dog.')], 'no document: it has caption'),
    ([mmc4(image_info=[dict(image_name='a.jpg')])], "lacks 'matched_text_index'"),
    ([mmc4(image_info=[dict(image_name='a.jpg', matched_text_index=4)])], 'belongs to text 4 of 4'),
    ([mmc4(image_info=[dict(image_name='a.jpg', matched_text_index='1')])], 'wrong type'),
    ([mmc4(text_list=None)], 'wrong type'),
    ([mmc4(image_info=[])], 'no picture with text'),
    ([mmc4(text_list=['See <image>.', 'One.', 'Two', 'Three'])], 'reserved token'),
    ([mmc4(text_list=['Say (text).', 'One.', 'Two', 'Three'])], 'output tuple'),
    ([dict(OBELICS, texts=['a'])], '1 texts and 7 images'),
    ([dict(texts=['a', None], images=['b.jpg', None])], 'one of them must be null'),
    ('[{"texts": ', 'is not JSON'),
])
def test_a_damaged_file_is_one_sentence_with_its_name(tmp_path, records, said):
    with pytest.raises(AnnotationError, match=said) as error:
        load(write(tmp_path, records))
    assert 'documents.json' in str(error.value)


def test_a_damaged_shard_is_one_sentence(tmp_path):
    shard(tmp_path / 'a.tar', {'000.jpg': jpeg()})
    with pytest.raises(AnnotationError, match='sample 000 has no .json file, only jpg'):
        load(tmp_path, 'a.tar')
    shard(tmp_path / 'b.tar', {'000.json': b'{"texts": '})
    with pytest.raises(AnnotationError, match='000.json is not JSON'):
        load(tmp_path, 'b.tar')
    shard(tmp_path / 'c.tar', {'000.json': json.dumps(mmc4()).encode(), '000.a.jpg': jpeg(side=(900, 900))})
    (tmp_path / 'c.tar').write_bytes((tmp_path / 'c.tar').read_bytes()[:2500])
    with pytest.raises(AnnotationError, match='cut off'):
        load(tmp_path, 'c.tar')
    for name in ('none.tar', 'no*.tar'):
        with pytest.raises(AnnotationError, match='does not exist|There is no file'):
            load(tmp_path, name)


def test_missing_pictures_are_an_error_or_left_out(tmp_path):
    folder = write(tmp_path, [mmc4()], names='a')
    with pytest.raises(AnnotationError, match=r'2 of the 3 images of documents.json are not in .* \(the first is b'):
        load(folder)
    assert instructions(load(folder, missing='leave_out')[0]) == ['Opening.<image>(text)']

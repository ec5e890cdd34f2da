import json

import pytest
from mmdet.registry import DATASETS
from PIL import Image

from visionllm.datasets import AnnotationError, ConversationDataset, WriteInstruction
from visionllm.datasets.scene_files import write_coco_folder
from visionllm.language import parse_instruction


@pytest.fixture
def log_lines(monkeypatch):
    """Messages to the log."""
    lines = []
    monkeypatch.setattr('visionllm.datasets.sentences.print_log', lambda text, *_, **__: lines.append(text))
    return lines


def record_of(*turns, id='000000000007', image='000000000007.jpg'):
    """A LLaVA record; a turn is ``h:``, ``g:`` or ``s:`` (the speaker) and the text."""
    speakers = dict(h='human', g='gpt', s='system')
    return dict(id=id, image=image, conversations=[{'from': speakers[t[0]], 'value': t[2:]} for t in turns])


GOOD = record_of('h:<image>\nWhat is it?', 'g: A cat.\n', 'h:What colour?', 'g:It is\n- black\n- white')


def dataset_of(folder, *records, **settings):
    (folder / 'train2017').mkdir(exist_ok=True)
    Image.new('RGB', (64, 48)).save(folder / 'train2017/000000000007.jpg')
    (folder / 'llava.json').write_text(json.dumps(records))
    return ConversationDataset('llava.json', str(folder), **{'data_prefix': dict(img='train2017')} | settings)


@pytest.mark.parametrize('first', ['h:<image>\nWhat is it?', 'h:What is it?\n<image>', 'h:What is it?'])
def test_a_conversation(tmp_path, first):
    sample = dataset_of(tmp_path, record_of(first, 'g: A cat.\n', 'h:What colour?', 'g:It is\n- black\n- white'))[0]
    assert sample['question'] == 'What is it?'
    assert sample['turns'] == ('A cat.', 'What colour?', 'It is\n- black\n- white')
    assert sample['img_id'] == '000000000007' and (sample['height'], sample['width']) == (48, 64)
    assert sample['img_path'] == str(tmp_path / 'train2017/000000000007.jpg')
    assert sample['instances'] == [] and sample['text'] == ()


def test_the_roles_of_chat_templates(tmp_path):
    messages = [dict(role=role, content=text) for role, text in (
        ('user', '<image>\nwhat is it?'), ('assistant', 'a cat'), ('user', 'how many?'), ('assistant', 'one'))]
    path = tmp_path / 'chat.json'
    path.write_text(json.dumps([dict(id='1', image='a.jpg', messages=messages)]))
    sample = ConversationDataset(str(path), data_prefix=dict(img=str(tmp_path)), missing='keep')[0]
    assert sample['question'] == 'what is it?' and sample['turns'] == ('a cat', 'how many?', 'one')


def test_file_names_with_a_folder(tmp_path):
    record = record_of('h:<image> Who?', 'g:Me.', image='coco/train2017/000000000007.jpg')
    dataset = dataset_of(tmp_path, record, data_prefix=dict(img=''))
    assert dataset[0]['img_path'] == str(tmp_path / 'train2017/000000000007.jpg')


@pytest.mark.parametrize('bad, reason', [
    (record_of('g:Hello.', 'h:<image> Who?', 'g:Me.', id='x9'), 'starts with the assistant'),
    (record_of('h:<image> Who?', 'h:And where?', 'g:Here.', 'g:There.', id='x9'), 'do not take turns'),
    (record_of('h:<image> Who?', 's:Be brief.', id='x9'), 'do not take turns'),
    (record_of('h:<image> Who?', 'g:Me.', 'h:And you?', id='x9'), 'ends with the human'),
    (record_of('h:<image> Who?', id='x9'), 'ends with the human'),
    (record_of(id='x9'), 'the conversation is empty'),
    (record_of('h:<image>\n', 'g:A cat.', id='x9'), 'the text is empty'),
    (record_of('h:<image> Who?', 'g: ', id='x9'), 'a turn is empty'),
    (record_of('h:<image> Who?', 'g:Look: <image>', id='x9'), 'a turn contains a reserved token'),
    (record_of('h:<image> Who is <c3>?', 'g:Me.', id='x9'), 'the text contains a reserved token'),
    (record_of('h:<image> What does f(c, 3) say?', 'g:Nothing.', id='x9'), 'an output tuple'),
    (record_of('h:Who?', 'g:Me.', id='x9', image=None), 'no image')])  # yapf: disable
def test_bad_conversations_are_counted_and_named(tmp_path, log_lines, bad, reason):
    dataset = dataset_of(tmp_path, bad, GOOD, bad)
    assert [sample['question'] for sample in dataset] == ['What is it?']
    (line, ) = log_lines
    assert 'skipped: 2 of 3' in line and reason in line and 'the first is x9' in line
    with pytest.raises(AnnotationError, match=f'llava.json leaves no sample.*1 of 1.*{reason}.*x9'):
        dataset_of(tmp_path, bad)


def test_questions_can_be_put_into_instructions(tmp_path):
    sample = dataset_of(tmp_path, record_of('h:<image>\nSay "a < b" (really), {0}?', 'g:No.'))[0]
    for wording in range(20):
        text = WriteInstruction('questions', wording)(dict(sample))['instruction']
        assert parse_instruction(text).output_format.is_text and sample['question'] in text


def test_missing_images(tmp_path, log_lines):
    records = [GOOD, record_of('h:<image> Who?', 'g:Me.', image='gone.jpg')]
    with pytest.raises(AnnotationError, match='1 of the 2 images .*train2017 .*gone.jpg'):
        dataset_of(tmp_path, *records)
    assert len(dataset_of(tmp_path, *records, missing='leave_out')) == 1 and '1 of the 2 images' in log_lines[0]


@pytest.mark.parametrize('content, reason', [
    ('[]', 'no conversations'), ('{}', 'no conversations'), ('[{"id": 1}', 'is not JSON'),
    ('[{"id": 1, "conversations": [{"from": "human"}]}]', "lacks 'value'"),
    ('[{"image": "a.jpg", "conversations": []}]', "lacks 'id'"),
    ('[{"id": 1, "image": "a.jpg", "conversations": [{"from": "human", "value": 3}]}]', 'wrong type')])
def test_other_formats_raise_an_error(tmp_path, content, reason):
    (tmp_path / 'c.json').write_text(content)
    with pytest.raises(AnnotationError, match=f'c.json.*{reason}'):
        ConversationDataset('c.json', str(tmp_path))


def test_questions_of_scenes(tmp_path):
    write_coco_folder(tmp_path, 'test', num_images=5, seed=0)
    dataset = DATASETS.build(dict(type='ConversationDataset', data_root=str(tmp_path),
                                  data_prefix=dict(img='images/test'), ann_file='annotations/questions_test.json'))
    written = json.loads((tmp_path / 'annotations/questions_test.json').read_text())['annotations']
    assert len(dataset) == len(written) > 10
    for sample, record in zip(dataset, written):
        assert sample['turns'] == (record['answer'], ) == (sample['answer'], )
        assert (sample['question'], sample['kind'], sample['img_id']) == (
            record['question'], record['kind'], record['image_id'])
        assert sample['img_path'].endswith(f'{record["image_id"] - 1:06d}.jpg')


@pytest.mark.parametrize('chain, expected', [(1, 1), (2, 3), (3, 5), (9, 7)])
def test_as_many_conversations_of_an_image_follow_as_is_said(tmp_path, chain, expected):
    dataset = dataset_of(tmp_path, *[record_of(f'h:q{i}', f'g:a{i}') for i in range(4)], chain=chain)
    assert [len(sample['turns']) for sample in dataset] == [expected] * 4
    assert dataset[3]['question'] == 'q3' and dataset[3]['turns'][:3] == ('a3', 'q0', 'a0')[:expected]

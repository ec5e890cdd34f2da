"""Instruction data out of captions and boxes: true, definite, and in the format of LLaVA-Instruct."""

import json

import numpy as np

from visionllm.apis.instruction_writer import parse_turns, writers
from visionllm.cli.main import main
from visionllm.datasets.conversations import ConversationDataset
from visionllm.datasets.visual_instructions import (
    TEMPLATES,
    add_numbers,
    compare_numbers,
    count_seats,
    find_nearer,
    read_images,
    write_visual_instructions,
)

NAMES = dict(person='person', chair='furniture', dog='animal', cat='animal')
RNG = np.random.default_rng(0)


def instances(objects, crowd=0):
    """COCO's layout of one image of 100 x 100 pixels; objects are ``(name, x)``, 20 pixels wide and high."""
    names = list(NAMES)
    annotations = [dict(id=i + 1, image_id=7, category_id=names.index(name) + 1, iscrowd=crowd, bbox=[x, 40, 20, 20])
                   for i, (name, x) in enumerate(objects)]
    return dict(images=[dict(id=7, file_name='7.jpg', height=100, width=100)], annotations=annotations,
                categories=[dict(id=i + 1, name=name, supercategory=NAMES[name]) for i, name in enumerate(names)])


def known(objects, *captions):
    said = dict(annotations=[dict(image_id=7, caption=caption) for caption in captions])
    (_, image), = read_images(instances(objects), said)
    return image


def test_answers_follow_from_the_boxes():
    image = known([('person', 0), ('person', 25), ('chair', 80)])
    assert count_seats(image, RNG)[0][1] == 'There are two people and a chair, so no, there are not enough.'
    asked = dict(turn for seed in range(9) for turn in compare_numbers(image, np.random.default_rng(seed)))
    assert asked == {
        'Are there more people than chairs?': 'There are two people and a chair, so yes, there are more people.',
        'Are there more chairs than people?': 'There is a chair and two people, so no, there are not more chairs.'}
    pets = known([('dog', 0), ('cat', 30), ('dog', 60)])
    assert add_numbers(pets, RNG) == [('How many objects of the kind "animal" are there in all?',
                                       'There are two dogs and a cat, which makes three in all.')]
    row = known([('person', 0), ('chair', 21), ('dog', 70)])
    answers = {answer for seed in range(20) for _, answer in find_nearer(row, np.random.default_rng(seed))}
    assert {answer.split('so the ')[1] for answer in answers} == {'chair is nearer.', 'person is nearer.'}


def test_a_description_has_the_caption_the_numbers_and_the_places():
    image = known([('dog', 0), ('person', 40), ('person', 70)], 'a dog  and two people')
    (_, answer), = TEMPLATES['detail'](image, RNG)
    assert answer == 'A dog and two people. There is a dog and two people. The dog is at the left.'


def test_images_with_crowds_and_without_objects_are_not_asked_about():
    assert read_images(instances([('dog', 0)], crowd=1)) == []
    (_, image), = read_images(instances([]))
    assert TEMPLATES['detail'](image, RNG) == [] and TEMPLATES['complex'](image, RNG) == []


def test_the_command_writes_what_the_dataset_reads(tmp_path, capsys):
    objects = [('dog', 0), ('person', 40), ('person', 70), ('chair', 20)]
    (tmp_path / 'instances.json').write_text(json.dumps(instances(objects)))
    captions = dict(images=[], annotations=[dict(image_id=7, caption='a dog')])
    (tmp_path / 'captions.json').write_text(json.dumps(captions))
    main(['data', 'instruct', str(tmp_path / 'instances.json'), str(tmp_path / 'out.json'), '--captions',
          str(tmp_path / 'captions.json')])
    assert '3 conversations about 1 images' in capsys.readouterr().out
    records = json.loads((tmp_path / 'out.json').read_text())
    assert [record['id'] for record in records] == ['7-conversation', '7-detail', '7-complex']
    assert all(record['conversations'][0]['value'].startswith('<image>\n') for record in records)
    dataset = ConversationDataset(str(tmp_path / 'out.json'), missing='keep')
    assert len(dataset) == 3 and len(dataset[0]['turns']) % 2 == 1


def test_a_language_model_writes_from_captions_and_boxes_and_doubt_is_left_out():
    prompts = []

    def write(prompt):
        prompts.append(prompt)
        return ('Sure!\nQuestion: What lies\nat the left?\nAnswer: A dog.\n\nQuestion: Whose is it?\n'
                'Answer: That cannot be determined.\nQuestion: And <image>?\nAnswer: No.')
    records = write_visual_instructions(read_images(instances([('dog', 0)])), writers(write))
    assert [record['conversations'][0]['value'] for record in records] == ['<image>\nWhat lies at the left?'] * 3
    assert all('dog: (0.00, 0.40, 0.20, 0.60)' in prompt for prompt in prompts)
    assert parse_turns('I see nothing.') == []

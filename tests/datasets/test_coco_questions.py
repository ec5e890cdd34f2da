import json
from collections import Counter

import numpy as np

from visionllm.datasets.coco_questions import generate_questions, questions_about_image
from visionllm.datasets.conversations import from_questions, read_conversations

NAMES = ['dog', 'apple', 'dining table', 'cat']
LEFT, MIDDLE, RIGHT = (0.05, 0.4, 0.25, 0.6), (0.4, 0.4, 0.6, 0.6), (0.8, 0.4, 0.95, 0.6)


def content(objects, crowd=()):
    """COCO's layout; objects of each image by name, left of one another."""
    categories = [dict(id=i + 1, name=name) for i, name in enumerate(NAMES)]
    images = [dict(id=i, file_name=f'{i}.jpg', height=100, width=100) for i in objects]
    annotations = [dict(image_id=i, category_id=NAMES.index(name) + 1, iscrowd=int(i in crowd), bbox=[k, 10, 20, 20])
                   for i, names in objects.items() for k, name in enumerate(names)]
    return dict(images=images, annotations=annotations, categories=categories)


def ask(objects, count=100):
    """All questions of some seeds about objects, as ``(class, box)``, with their answers."""
    classes, boxes = zip(*objects) if objects else ((), ())
    return [each for seed in range(count)
            for each in questions_about_image(classes, boxes, NAMES, np.random.default_rng(seed))]


def test_answers_are_true_and_balanced():
    counts, answers = Counter(dog=2, apple=1), Counter()
    numbers = {'none': 0, 'one': 1, 'two': 2}
    for question, answer, kind in ask([('dog', LEFT), ('dog', RIGHT), ('apple', MIDDLE)], 200):
        if kind in ('exists', 'count'):
            name = next(name for name in NAMES if name in question)
            assert answer == ('yes' if counts[name] else 'no') if kind == 'exists' else numbers[answer] == counts[name]
            answers[answer] += 1
    assert answers['yes'] > 50 and answers['no'] > 50 and answers['none'] > 20 and answers['two'] > 20
    assert any('an apple' in question for question, *_ in ask([('apple', MIDDLE)]))


def test_where_things_are():
    found = {(question, answer) for question, answer, kind in ask([('dog', LEFT), ('cat', MIDDLE), ('apple', RIGHT)])
             if kind == 'where'}
    assert found == {(f'where is the {name}, left, middle, right?', answer)
                     for name, answer in (('dog', 'left'), ('cat', 'middle'), ('apple', 'right'))}
    between = (0.3, 0.4, 0.4, 0.6)
    assert not [each for each in ask([('dog', between)]) if each[2] == 'where']


def test_what_is_beside_and_what_is_on():
    table, on_it, near = (0.3, 0.4, 0.9, 0.9), (0.5, 0.5, 0.6, 0.6), (0.1, 0.5, 0.28, 0.9)
    objects = [('dining table', table), ('apple', on_it), ('dog', near)]
    found = {(question, answer) for question, answer, _ in ask(objects)}
    assert ('what is on the dining table?', 'apple') in found
    assert ('what is next to the dog?', 'dining table') in found
    assert not any(question.startswith('what is next to the dining table') for question, _ in found)  # two are
    assert not any(kind == 'on' for *_, kind in ask([*objects, ('cat', (0.6, 0.6, 0.7, 0.7))]))


def test_the_dataset_reads_the_generated_file():
    questions = generate_questions(content({3: ['dog', 'dog'], 4: [], 5: ['apple']}, crowd={5}))
    samples = from_questions(questions)
    assert {s['img_id'] for s in samples} == {3, 4} and not any(s['fault'] for s in samples)
    assert len({a['id'] for a in questions['annotations']}) == len(samples) >= 4
    first, second = (generate_questions(content({3: ['dog', 'dog'], 4: []})) for _ in range(2))
    assert first == second


def test_large_numbers_and_tiny_things_are_not_asked_for():
    speck = (0.5, 0.5, 0.51, 0.51)
    for objects in ([('dog', LEFT)] * 20, [('dog', LEFT), ('dog', speck)]):
        assert not [each for each in ask(objects) if each[2] == 'count' and 'dog' in each[0]]
    assert not [each for each in ask([('dog', speck)]) if 'dog' in each[0]]


def test_instances_are_questions_as_well_and_more_of_them_for_training(tmp_path):
    path = tmp_path / 'instances_train2017.json'
    path.write_text(json.dumps(content({3: ['dog', 'dog', 'apple'], 4: ['cat']})))
    test, train = (read_conversations(path, test_mode) for test_mode in (True, False))
    assert len(train) > len(test) > 0
    asked = [(sample['img_id'], sample['question']) for sample in train]
    assert len(set(asked)) == len(asked) and all(sample['turns'] == (sample['answer'], ) for sample in train)

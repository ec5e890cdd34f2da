from collections import Counter

import numpy as np

from visionllm.datasets.coco_questions import generate_questions, questions_about_image
from visionllm.datasets.conversations import from_questions

NAMES = ['dog', 'apple', 'dining table']


def content(objects, crowd=()):
    categories = [dict(id=i + 1, name=name) for i, name in enumerate(NAMES)]
    images = [dict(id=i, file_name=f'{i}.jpg', height=80, width=100) for i in objects]
    annotations = [dict(image_id=i, category_id=NAMES.index(name) + 1, iscrowd=int(i in crowd))
                   for i, names in objects.items() for name in names]
    return dict(images=images, annotations=annotations, categories=categories)


def test_answers_are_true_and_balanced():
    counts, answers = Counter(dog=2, apple=1), Counter()
    numbers = {'none': 0, 'one': 1, 'two': 2}
    for seed in range(200):
        for question, answer, kind in questions_about_image(counts, NAMES, np.random.default_rng(seed)):
            name = next(name for name in NAMES if name in question)
            assert answer == ('yes' if counts[name] else 'no') if kind == 'exists' else numbers[answer] == counts[name]
            answers[answer] += 1
    assert answers['yes'] > 50 and answers['no'] > 20 and answers['none'] > 20
    rngs = map(np.random.default_rng, range(50))
    assert any('an apple' in question for rng in rngs for question, *_ in questions_about_image(counts, NAMES, rng))


def test_the_dataset_reads_the_generated_file():
    questions = generate_questions(content({3: ['dog', 'dog'], 4: [], 5: ['apple']}, crowd={5}))
    samples = from_questions(questions)
    assert {s['img_id'] for s in samples} == {3, 4} and len(samples) == 4 and not any(s['fault'] for s in samples)
    assert len({a['id'] for a in questions['annotations']}) == 4
    first, second = (generate_questions(content({3: ['dog', 'dog'], 4: []})) for _ in range(2))
    assert first == second


def test_large_numbers_are_not_asked_for():
    questions = generate_questions(content({i: ['dog'] * 20 for i in range(20)}))
    assert not any(a['question'].startswith('dog: how many') for a in questions['annotations'])

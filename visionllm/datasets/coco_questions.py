"""Counting and existence questions with answers, generated from any COCO instances file."""

from collections import Counter

import numpy as np

from visionllm.language.english import NUMBERS, article

MAX_COUNT = len(NUMBERS) - 1  # objects of one class that a counting question is asked about at most


def generate_questions(content: dict, seed: int = 0) -> dict:
    """Generate up to two questions per image, in the format that ``ConversationDataset`` reads.

    One half of the questions are about a class that is in the image, the other half about any class of the file.
    Images with crowd annotations are skipped, since a crowd stands for an unknown number of objects.

    Args:
        content: Content of COCO's ``instances_*.json``.
        seed: Seed of the random choice of classes.

    Returns:
        COCO's layout: ``info``, ``images``, and ``annotations`` with ``id``, ``image_id``, ``question``, ``answer`` and
        ``kind``.
    """
    names = {category['id']: category['name'] for category in content['categories']}
    crowded = {ann['image_id'] for ann in content['annotations'] if ann.get('iscrowd')}
    counts: dict[int, Counter] = {image['id']: Counter() for image in content['images']}
    for ann in content['annotations']:
        counts[ann['image_id']][names[ann['category_id']]] += 1
    records = []
    for image in content['images']:
        if image['id'] not in crowded:
            rng = np.random.default_rng([seed, image['id']])
            for question, answer, kind in questions_about_image(counts[image['id']], list(names.values()), rng):
                records.append(dict(image_id=image['id'], id=len(records) + 1, question=question, answer=answer,
                                    kind=kind))
    return dict(info=content.get('info', {}), images=content['images'], annotations=records)


def questions_about_image(counts: Counter, names: list[str], rng: np.random.Generator) -> list[tuple[str, str, str]]:
    """Generate an existence question, and a counting question unless its answer is above ``MAX_COUNT``.

    Args:
        counts: Number of objects in the image by class name.
        names: All class names.
        rng: Source of randomness.

    Returns:
        ``(question, answer, kind)`` tuples; the kind is ``exists`` or ``count``.
    """
    counted, searched = (str(rng.choice(list(counts) if counts and rng.random() < 0.5 else names)) for _ in range(2))
    questions = [(f'is there {article(searched)}?', 'yes' if counts[searched] else 'no', 'exists')]
    if counts[counted] <= MAX_COUNT:
        answer = NUMBERS[counts[counted]] if counts[counted] else 'none'
        questions.append((f'{counted}: how many of them are there?', answer, 'count'))
    return questions

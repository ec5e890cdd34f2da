"""Questions about any COCO file's objects, with their answers: how many, and is there."""

from collections import Counter

import numpy as np

from .scene_language import NUMBERS, article

MOST = len(NUMBERS) - 1  # more are not counted by anybody


def questions_about(content: dict, seed: int = 0) -> dict:
    """Two questions a picture, in the format that ``ConversationDataset`` reads.

    Half of those asked for are in the picture, half are of any class of the file. Pictures with crowds are left out:
    nobody has counted them.

    Args:
        content: COCO's ``instances_*.json``.
        seed: Of the draw.
    """
    called = {category['id']: category['name'] for category in content['categories']}
    crowded = {ann['image_id'] for ann in content['annotations'] if ann.get('iscrowd')}
    there: dict[int, Counter] = {image['id']: Counter() for image in content['images']}
    for ann in content['annotations']:
        there[ann['image_id']][called[ann['category_id']]] += 1
    records = []
    for image in content['images']:
        if image['id'] not in crowded:
            rng = np.random.default_rng([seed, image['id']])
            for question, answer, kind in ask(there[image['id']], list(called.values()), rng):
                records.append(dict(image_id=image['id'], id=len(records) + 1, question=question, answer=answer,
                                    kind=kind))
    return dict(info=content.get('info', {}), images=content['images'], annotations=records)


def ask(there: Counter, names: list[str], rng: np.random.Generator) -> list[tuple[str, str, str]]:
    """``(question, answer, kind)``: one of the kind count, one of the kind exists."""
    counted, looked_for = (str(rng.choice(list(there) if there and rng.random() < 0.5 else names)) for _ in range(2))
    found = [(f'is there {article(looked_for)}?', 'yes' if there[looked_for] else 'no', 'exists')]
    if there[counted] <= MOST:
        answer = NUMBERS[there[counted]] if there[counted] else 'none'
        found.append((f'{counted}: how many of them are there?', answer, 'count'))
    return found

"""Names of one thing in a class set: one answer a box, and no less sure."""

import pytest
import torch

from visionllm.language import TASKS, parse_instruction
from visionllm.language.same_names import groups_of_same_names
from visionllm.models.heads.same_names import merge_same_names


@pytest.mark.parametrize('names, groups', [
    (('star', 'star symbol'), [[0, 1]]), (('cat', 'dog', 'Kitty'), [[0, 2]]), (('Dogs', 'dog', 'doggy'), [[0, 1, 2]]),
    (('cat animal', 'bird', 'cat', 'birds'), [[0, 2], [1, 3]]), (('sofa', 'couch'), [[0, 1]]),
    (('car', 'race car'), []), (('farm', 'farm animal'), []), (('animal', 'dog'), []), (('street', 'street sign'), []),
    (('wine glass', 'cup'), []), (('hot dog', 'dog'), [])])
def test_which_names_are_the_same(names, groups):
    assert groups_of_same_names(names) == groups


def test_the_better_name_has_the_scores_of_all():
    instructions = [parse_instruction(TASKS['detection'].write_instruction(names))
                    for names in (['star', 'moon', 'star symbol'], ['star', 'moon', 'ring'])]
    scores = torch.tensor([[[0.5, 0.1, 0.4], [0.2, 0.7, 0.05]]] * 2)
    merged = merge_same_names(scores, instructions)
    assert torch.allclose(merged[0], torch.tensor([[0.9, 0.1, 0], [0.25, 0.7, 0]])) and (merged[1] == scores[1]).all()
    assert (scores[0, 0] == torch.tensor([0.5, 0.1, 0.4])).all()

"""Questions about synthetic scenes, several behind one image (an addition to LLaVA, which learns from conversations):
each is asked as the first, and none sees the others, so a pass over the image serves many answers. A description of all
objects comes with them: each of its words is learned, and all are about what the tokens hold.

Dimensions: B images, n image tokens, E width of the language model.
"""

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import torch.nn.functional as F
from mmdet.registry import TASK_UTILS
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from torch import nn

from visionllm.datasets.scene_language import center, place, questions
from visionllm.datasets.seeded_sampling import seeded_generator
from visionllm.errors import ConfigError
from visionllm.language.instructions import IMAGE_SLOT
from visionllm.models.heads import NextTokenHead
from visionllm.models.heads.next_token import answer_states, embed_around_image, tokenize_parts
from visionllm.models.samples import build_target
from visionllm.structures import LossTerm, Target

from .stage import PretrainingStage, frozen_tokens

QUESTION_SLOT = '<question>'
LAYOUT = f'{IMAGE_SLOT}\n{QUESTION_SLOT} (text)'  # LLaVA's: the question follows the image
DESCRIBE = 'what is there, from left to right?'
SIDE = 128  # of a scene, in pixels


@TASK_UTILS.register_module()
class SceneQuestions(PretrainingStage):
    """Train a projector and the language model on new questions about the objects of scenes.

    Args:
        name, steps, lr, dataset_weights, batch_size: As of ``PretrainingStage``.
        num_questions: About an image, besides the description.
        projector_lr: Initial learning rate of the projector.
    """

    logged = ('loss_answer', 'loss_description', 'acc_answer')

    def __init__(self, name: str, steps: int, lr: float = 1e-3, dataset_weights: list[float] | None = None,
                 batch_size: int | None = None, num_questions: int = 8, projector_lr: float = 3e-4):
        super().__init__(name, steps, lr, dataset_weights, batch_size)
        self.num_questions, self.projector_lr = num_questions, projector_lr

    def check(self, model: nn.Module) -> None:
        if 'text' not in model.heads or not isinstance(model.heads['text'], NextTokenHead):
            raise ConfigError(f'{self.name} trains answers in text: add text=dict(type=\'NextTokenHead\', ...) to '
                              'model.heads.')

    def parts(self, model: nn.Module) -> list[nn.Module]:
        """The projector and the language model."""
        return [model.heads['text'].image_prompt, model.llm]

    def parameter_groups(self, parts: list[nn.Module]) -> list[dict]:
        """As in ``PretrainingStage``; the projector has its own learning rate."""
        projector, llm = ([p for p in part.parameters() if p.requires_grad] for part in parts)
        return [dict(params=projector, initial_lr=self.projector_lr), dict(params=llm, initial_lr=self.lr)]

    def losses(self, model: nn.Module, batch: dict) -> dict[str, LossTerm]:
        """Cross-entropy of the tokens of the answers, and of the descriptions; what comes before the projector is not
        trained."""
        data = model.data_preprocessor(batch, training=True)
        samples, rng = data['data_samples'], seeded_generator()
        tokens = frozen_tokens(model, data)
        head, llm = model.heads['text'], model.llm
        before, after = head.conversation.open(LAYOUT).split(QUESTION_SLOT)
        prompts = [embed_around_image(llm, before, image) for image in head.image_prompt(llm, [], tokens)]
        lessons = [write_questions(build_target(sample), self.num_questions, rng) for sample in samples]
        answers = [[tokenize_parts(llm, (question + after, answer), first_learned=False) for question, answer in each]
                   for each in lessons]
        with llm.answering_in_text():
            states, ids, learned, number = answer_states(llm, prompts, answers)
        logits, ids, described = llm.lm_logits(states[learned]), ids[learned], number[learned] == 0
        entropy = F.cross_entropy(logits, ids, reduction='none')
        correct = (logits.argmax(-1) == ids)[~described]
        return dict(loss_answer=LossTerm(entropy[~described].sum(), len(correct)),
                    loss_description=LossTerm(entropy[described].sum(), int(described.sum())),
                    acc_answer=LossTerm(100 * correct.sum(), len(correct)))


def write_questions(target: Target, count: int, rng: np.random.Generator) -> list[tuple[str, str]]:
    """A description of a scene, from left to right, and at most ``count`` different questions, with answers."""
    scene = SimpleNamespace(objects=named_objects(target), image=np.empty((SIDE, SIDE)))
    rounds = [(question, answer) for _ in range(count) for question, answer, _ in questions(scene, rng)]
    asked = list(dict.fromkeys(rounds))
    return [(DESCRIBE, describe(scene.objects)), *(asked[i] for i in rng.permutation(len(asked))[:count])]


def named_objects(target: Target) -> list[SimpleNamespace]:
    """Objects with the attributes of a ``SceneObject``, by names such as "large red matte circle"."""
    boxes = (bbox_cxcywh_to_xyxy(target.boxes) * SIDE).tolist()
    names = [target.names[label].split() for label in target.labels.tolist()]
    return [SimpleNamespace(size=size, colour=colour, material=material, shape=shape, box=box)
            for (size, colour, material, shape), box in zip(names, boxes)]


def describe(objects: Sequence[SimpleNamespace]) -> str:
    """Names and places of objects, from left to right."""
    return ', '.join(f'{each.size} {each.colour} {each.material} {each.shape} {place(each, SIDE)}'
                     for each in sorted(objects, key=lambda each: center(each)[0]))

"""Scene description: the language model learns to caption, count and locate from symbolic prompts of ground truth
objects (``SymbolicPrompt``), without images.

Dimensions: n tokens of a prompt, E width of the language model.
"""

from collections import Counter

import numpy as np
import torch
from mmdet.registry import TASK_UTILS
from torch import Tensor, nn

from visionllm.datasets.seeded_sampling import seeded_generator
from visionllm.errors import ConfigError
from visionllm.language.english import NUMBERS, article, plural
from visionllm.models.prompts import SymbolicPrompt
from visionllm.models.prompts.symbolic import order_by_mention, order_by_similarity
from visionllm.models.samples import build_target, get_instruction
from visionllm.structures import LossTerm, Target

from .class_map_reading import BLEND, LONG, NOISE, reading_loss
from .exercises import PHRASE_SHARE, TRAIN, sample_name_exercise
from .stage import PretrainingStage

REHEARSAL_SHARE = 0.5  # of the batches: those with a class-map reading exercise


@TASK_UTILS.register_module()
class SceneDescription(PretrainingStage):
    """Train the language model, and the location embeddings of the symbolic prompt, on captions and answers.

    Args:
        name, steps, lr, batch_size: As of ``PretrainingStage``.
        dataset_weights: Of the datasets in ``MixtureSampler``: those with text and known objects.
        extra_questions: Generated questions per image: how many objects of a noun, and whether there is one with a
            certain attribute ("a red ring").
    """

    logged = ('loss_text', 'acc_text')

    def __init__(self, name: str, steps: int, dataset_weights: list[float], lr: float = 1e-3,
                 batch_size: int | None = None, extra_questions: int = 0):
        super().__init__(name, steps, lr, dataset_weights, batch_size)
        self.extra_questions = extra_questions

    def check(self, model: nn.Module) -> None:
        if 'text' not in model.heads or not isinstance(model.heads['text'].image_prompt, SymbolicPrompt):
            raise ConfigError('SceneDescription needs a head \'text\' with image_prompt=dict(type='
                              '\'SymbolicPrompt\'): other prompts have no symbols to train the language model on.')

    def depends_on(self, model: nn.Module) -> list[object]:
        """The language model, the prompt, and the class reader that is rehearsed."""
        return [model.llm, model.heads]

    def parts(self, model: nn.Module) -> list[nn.Module]:
        """The language model and the projector of boxes."""
        return [model.llm, model.heads['text'].image_prompt.box_projector]

    def losses(self, model: nn.Module, batch: dict) -> dict[str, LossTerm]:
        """Text loss on prompts of all ground truth objects; and of class-map reading, now and then."""
        samples, rng = batch['data_samples'], seeded_generator()
        targets = [build_target(sample) for sample in samples]
        for target in targets:
            names = [target.names[label] for label in target.labels.tolist()]
            target.turns += questions_about_objects(names, self.extra_questions, rng) if names else ()
        head = model.heads['text']
        images = [symbolic_image(model.llm, head.image_prompt, target) for target in targets]
        losses = head.text_loss(model.llm, [get_instruction(sample) for sample in samples], images, targets)
        if rng.random() < REHEARSAL_SHARE:
            exercise = sample_name_exercise(rng, TRAIN, 16, LONG, PHRASE_SHARE)
            losses['loss_reading'] = LossTerm(reading_loss(model, [exercise], rng, blend=BLEND), 1)
        return losses


def symbolic_image(llm: nn.Module, prompt: SymbolicPrompt, target: Target) -> Tensor:
    """The symbolic prompt of an image's ground truth objects, with noise: ``float[n, E]``."""
    names = [target.names[label] for label in target.labels.tolist()]
    if not names:
        return llm.new_rows.weight.new_zeros(0, llm.width)
    words = prompt.embed_phrases(llm, names)  # [G, W, E]
    words = words + NOISE * words.detach().std() * torch.randn_like(words)
    target.matches = (torch.arange(len(names), device=target.labels.device), ) * 2
    order = order_by_mention(order_by_similarity(words), target)
    return prompt.append_locations(llm, words[order], target.boxes[order]).flatten(0, 1)


def questions_about_objects(names: list[str], count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """Questions and answers in turn about objects with these names, of attributes and a noun.

    One in three asks how many there are of a noun, the others whether there is one with an attribute. Half of these
    are answered no, by an attribute that another object has: otherwise the language model prefers yes.
    """
    objects = [name.split() for name in names]
    nouns = Counter(words[-1] for words in objects)
    all_attributes = {word for words in objects for word in words[:-1]}
    turns = []
    for _ in range(count):
        noun = objects[rng.integers(len(objects))][-1]
        if rng.random() < 1 / 3 and nouns[noun] < len(NUMBERS):
            turns += [f'how many {plural(noun)} are there?', NUMBERS[nouns[noun]]]
            continue
        own = {word for words in objects if words[-1] == noun for word in words[:-1]}
        positive = rng.random() < 0.5 or own == all_attributes
        attributes = sorted(own if positive else all_attributes - own)
        attribute = f'{rng.choice(attributes)} ' if attributes else ''
        turns += [f'is there {article(attribute + noun)}?', 'yes' if positive else 'no']
    return tuple(turns)

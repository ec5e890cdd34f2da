"""Teach a language model to tell what is in a picture, from the names and places of its objects, no picture looked at.

What image tokens should become (``TeachWords``) stands in for what they are: the words of each object's name, and two
words for its place. Counting, listing and pointing are learned from text in minutes.
"""

from collections import Counter

import numpy as np
import torch
from mmdet.registry import HOOKS
from torch import Tensor, nn

from visionllm.datasets.scene_language import NUMBERS, article, plural
from visionllm.models.heads.next_token import as_mentioned, like_after_like, words_of
from visionllm.models.samples import instruction_of, target_of
from visionllm.structures import Mean, Target

from .lesson import Lesson
from .reading import BLEND, NOISE, lesson_loss

REHEARSAL = 2  # every so many batches a class map is read as well


@HOOKS.register_module()
class TeachTelling(Lesson):
    """Train the language model, and the words for a place, on captions and answers about known objects.

    Args:
        weights: Of the datasets in ``MixtureSampler``: those that ask for words and know their objects.
        steps, lr, cache, batch_size: As in ``Lesson``.
        head: Name of the head that answers in words.
        drills: So many questions more a picture: how many, and whether there is a thing of two words ("a red ring").
            That one thing must be both is what is learned last: 5,000 questions alone did not teach it.
    """

    shown = ('loss_text', 'acc_text')

    def __init__(self, weights: list[float], steps: int = 300, lr: float = 1e-3, head: str = 'text',
                 cache: str | None = None, batch_size: int | None = None, drills: int = 0):
        super().__init__(steps, lr, weights, cache, batch_size)
        self.head, self.drills = head, drills
        self.rng, self.batches = np.random.default_rng(0), 0

    def settings(self) -> dict[str, object]:
        return super().settings() | (dict(drills=self.drills) if self.drills else {})

    def parts(self, model) -> list[nn.Module]:
        """The language model and the projector of places."""
        return [model.llm, model.heads[self.head].place_projector]

    def losses(self, model, batch: dict) -> dict[str, Mean]:
        """As if all objects had been found and recognised; and of a class map, now and then."""
        samples = batch['data_samples']
        targets = [target_of(sample) for sample in samples]
        for target in targets:
            names = [target.names[label] for label in target.labels.tolist()]
            target.turns += drill(names, self.drills, self.rng) if names else ()
        head = model.heads[self.head]
        pictures = [symbolic(model.llm, head, target) for target in targets]
        losses = head.text_loss(model.llm, [instruction_of(sample) for sample in samples], pictures, targets)
        if self.batches % REHEARSAL == 0:
            losses['loss_reading'] = Mean(lesson_loss(model, self.rng, words=16, blend=BLEND), 1)
        self.batches += 1
        return losses


def symbolic(llm, head, target: Target) -> Tensor:
    """A picture as it should be read, a little off: ``float[n, E]``."""
    names = [target.names[label] for label in target.labels.tolist()]
    if not names:
        return llm.new_rows.weight.new_zeros(0, llm.width)
    known, index = words_of(names, head.words)
    words = llm.embed_names(known)[index.to(target.labels.device)]  # [n, W, E]
    words = words + NOISE * words.detach().std() * torch.randn_like(words)
    target.pairs = (torch.arange(len(names), device=target.labels.device), ) * 2
    order = as_mentioned(like_after_like(words), target)
    return head.with_places(llm, words[order], target.boxes[order]).flatten(0, 1)


def drill(names: list[str], count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """Questions and answers in turn: how many there are of a noun, one time in three; else whether there is a thing of
    one detail and one noun. Half of these have the answer no, where another thing has a detail that none of the noun's
    has: a language model that hears yes more often says yes."""
    things = [name.split() for name in names]
    nouns = Counter(thing[-1] for thing in things)
    every = {word for thing in things for word in thing[:-1]}
    turns = []
    for _ in range(count):
        noun = things[rng.integers(len(things))][-1]
        if rng.random() < 1 / 3 and nouns[noun] < len(NUMBERS):
            turns += [f'how many {plural(noun)} are there?', NUMBERS[nouns[noun]]]
            continue
        here = {word for thing in things if thing[-1] == noun for word in thing[:-1]}
        there = rng.random() < 0.5 or here == every
        details = sorted(here if there else every - here)
        detail = f'{rng.choice(details)} ' if details else ''
        turns += [f'is there {article(detail + noun)}?', 'yes' if there else 'no']
    return tuple(turns)

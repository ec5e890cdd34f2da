"""Teach a language model to read a class map, without any picture.

Symbolic image tokens (the embedding of a name, with noise) stand in for vision: "which class token does the map give
to this word?" A pre-trained LLM learns it in minutes; without it, everything after is guesswork (README, Results).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.logging import print_log
from torch import Tensor

from visionllm.language import TASKS, Instruction, parse_instruction, write_instruction
from visionllm.language.nouns import ADJECTIVES, TEST_NOUNS, TEST_PHRASES, TRAIN_NOUNS, TRAIN_PHRASES
from visionllm.language.vocabulary import NUM_CLASS_TOKENS

from .lesson_cache import recall, remember
from .processes import average_gradients, unwrapped

NOISE = 0.3  # of the embedding's own spread
PURE, BLEND = 0.001, 0.02  # nearly always one word; mostly one, sometimes two or three
NOTHING = ['<none>'] * 4
UNNAMED_SHARE = 0.4
PHRASED = 0.2
FEW, MANY = 12, 80  # names in a map, at most: of first lessons and of tests; of COCO


@dataclass(frozen=True)
class Corpus:
    """What lessons are made of."""
    nouns: tuple[str, ...]
    phrases: tuple[str, ...]
    wordings: tuple[str, ...]


TRAIN = Corpus(TRAIN_NOUNS, TRAIN_PHRASES, TASKS['detection'].wordings)
TEST = Corpus(TEST_NOUNS, TEST_PHRASES, TASKS['detection'].held_out)


def draw_lesson(rng: np.random.Generator, corpus: Corpus, words: int, max_names: int = FEW,
                phrased: float = 0.0) -> tuple[Instruction, list[str], list[int]]:
    """A random instruction, and words to be looked up in it.

    Most maps are short (the number of names is log-uniform). In some all names carry an adjective.

    Args:
        words: How many are asked.
        max_names: Length of the longest class map.
        phrased: Share of maps that hold phrases around the nouns that are asked for.

    Returns:
        The instruction, ``words`` names, and for each its index in the class set (K for none of them).
    """
    count = int((max_names + 1)**rng.random())
    names = [str(n) for n in rng.permutation(corpus.nouns)[:2 * max_names]]
    style = rng.random()
    if style < 0.3:
        names = [f'{rng.choice(ADJECTIVES)} {name}' for name in names]
    named, others = names[:count], names[count:]
    written = [str(rng.choice(corpus.phrases)).format(name) for name in named] if style >= 1 - phrased else named
    tokens = rng.permutation(NUM_CLASS_TOKENS)[:count].tolist()
    text = write_instruction(written, str(rng.choice(corpus.wordings)), TASKS['detection'].output_format, tokens)
    asked, answers = [], []
    for _ in range(words):
        if rng.random() < UNNAMED_SHARE:
            asked.append(others[rng.integers(len(others))])
            answers.append(count)
        else:
            answers.append(int(rng.integers(count)))
            asked.append(named[answers[-1]])
    return parse_instruction(text), asked, answers


def answer_lesson(model, instruction: Instruction, words: Tensor) -> Tensor:
    """Logits ``float[M, K + 1]`` of symbolic image tokens ``float[M, E]``."""
    queries = model.llm.rows(['<cls>']).expand(len(words), 1, -1)
    return model.heads['tuples'].read_words(model.llm, [instruction], words[None], queries[None])[0][0]


def lesson_loss(model, rng: np.random.Generator, words: int, blend: float, max_names: int = MANY) -> Tensor:
    """Cross-entropy of one random lesson on words, or on blends of words.

    An image token that may as well be a circle as a hexagon lies between the two words, sharpened or not
    (``FormatQueryHead.name_loss``); the answer should be as unsure as the question.

    Args:
        blend: Dirichlet parameter of the shares of each word in what is asked; the smaller the purer.
        max_names: Length of the longest class map.
    """
    lesson, asked, answers = draw_lesson(rng, TRAIN, words, max_names, PHRASED)
    asked, answers = asked + NOTHING, answers + [len(lesson.class_names)] * len(NOTHING)
    pure = model.llm.embed_names(asked)
    shares = torch.tensor(rng.dirichlet([blend] * len(asked), words), dtype=pure.dtype, device=pure.device)
    asked_for = shares @ pure
    asked_for = asked_for + NOISE * asked_for.detach().std() * torch.randn_like(asked_for)
    logits = answer_lesson(model, lesson, asked_for)
    target = shares @ F.one_hot(torch.tensor(answers, device=pure.device), logits.shape[-1]).to(shares)
    return F.cross_entropy(logits, target)


def teach_reading(model, steps: int, lr: float = 1e-3, texts: int = 4, words: int = 16, seed: int = 0) -> list[float]:
    """Train LoRA and the new rows on lessons; the loss of each step.

    The first quarter is of pure words and short maps; then half of the words are blends, and maps as long as COCO's.
    """
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    parameters = [p for p in model.llm.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=lr, betas=(0.9, 0.98), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 5, max(steps - step, 1) / (0.5 * steps)))
    losses = []
    for step in range(steps):
        total = 0.0
        for text in range(texts):
            easy = step < steps // 4
            blend = PURE if easy or text % 2 == 0 else BLEND
            loss = lesson_loss(model, rng, words, blend, FEW if easy else MANY) / texts
            loss.backward()
            total += loss.item()
        average_gradients(parameters)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        losses.append(total)
    return losses


@torch.no_grad()
def reading_accuracy(model, lessons: int = 30, words: int = 24, seed: int = 1) -> dict[str, float]:
    """Share of symbolic tokens answered rightly, in percent, on nouns, phrases and wordings never trained on.

    Returns:
        ``named`` (the right class token among the named), ``all`` (``<none>`` for the unnamed as well), ``phrased``
        (the same as ``named``, where the map holds phrases around the nouns).
    """
    model.eval()
    named, everything = _right(model, np.random.default_rng(seed), lessons, words, phrased=0.0)
    phrased, _ = _right(model, np.random.default_rng(seed), lessons, words, phrased=1.0)
    return dict(named=named, all=everything, phrased=phrased)


def _right(model, rng: np.random.Generator, lessons: int, words: int, phrased: float) -> tuple[float, float]:
    right, right_named, count, count_named = 0, 0, 0, 0
    for _ in range(lessons):
        lesson, asked, answers = draw_lesson(rng, TEST, words, phrased=phrased)
        logits = answer_lesson(model, lesson, model.llm.embed_names(asked))
        answer = torch.tensor(answers, device=logits.device)
        named = answer < logits.shape[-1] - 1
        right += (logits.argmax(-1) == answer).sum().item()
        right_named += (logits[:, :-1].argmax(-1) == answer)[named].sum().item()
        count, count_named = count + len(asked), count_named + int(named.sum())
    return 100 * right_named / max(count_named, 1), 100 * right / count


@HOOKS.register_module()
class TeachReading(Hook):
    """Before a new training run, teach the language model to read class maps; during it, keep the skill alive.

    Args:
        steps: Number of steps, each of four texts. 0 for a model that starts from one that reads.
        cache: File to keep the taught weights in; where it exists, it is read instead of teaching again.
        rehearse: Every so many training steps one text is read again, its gradient added to the step's. The ten
            names of a small world would otherwise wear away what was learned on all others. 0 for never.
    """

    priority = 'VERY_LOW'  # after the model's own weights were loaded

    def __init__(self, steps: int = 240, cache: str | None = None, rehearse: int = 4):
        self.steps, self.cache, self.rehearse = steps, Path(cache) if cache else None, rehearse

    def before_train(self, runner) -> None:
        if runner.iter > 0 or not self.steps:
            return  # it has read before
        model = unwrapped(runner.model)
        settings = dict(steps=self.steps)
        learned = recall(self.cache, settings)
        if learned is not None:
            model.llm.load_state_dict(learned, strict=True)
            print_log(f'Reading: learned before, from {self.cache}', 'current')
            return
        losses = teach_reading(model, self.steps)
        accuracy = reading_accuracy(model, lessons=10)
        model.train()
        print_log(f'Reading: loss {losses[0]:.2f} -> {losses[-1]:.3f}; {accuracy["named"]:.1f} % of unseen names, '
                  f'{accuracy["phrased"]:.1f} % within phrases, {accuracy["all"]:.1f} % with "none of these" right',
                  'current')
        remember(self.cache, settings, model.llm.state_dict())

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        if self.rehearse and runner.iter % self.rehearse == 0:
            rng = np.random.default_rng([runner.seed, runner.iter])
            loss = lesson_loss(unwrapped(runner.model), rng, words=16, blend=BLEND)
            loss.backward()  # the optimizer's next step takes it along

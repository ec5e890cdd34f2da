"""Class-map reading: the language model learns to look up a name in the instruction's class map, from text alone.

Embeddings of names, with noise, stand in for image tokens; the answer is the class token that the map gives the name,
or ``<none>``.

Dimensions: B instructions, n queries, K named classes, E width of the language model.
"""

import math
import re
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from mmdet.registry import HOOKS, TASK_UTILS
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import Tensor, nn

from visionllm.errors import ConfigError
from visionllm.language import Instruction
from visionllm.models.freezing import requires_grad
from visionllm.models.heads.class_reader import mask_padding

from ..distributed import average_gradients, unwrapped
from .exercises import (
    PHRASE_SHARE,
    TEST,
    TRAIN,
    Exercise,
    sample_kind_exercise,
    sample_name_exercise,
    sample_related_exercise,
    sample_supercategory_exercise,
    sample_synonym_exercise,
    wide_corpus,
)
from .expression_exercises import sample_expression_exercise
from .few_names_exercises import sample_few_names_exercise
from .progress import StageProgress
from .stage import LOG_INTERVAL, PretrainingStage

NOISE = 0.3  # in standard deviations of the embeddings
PURE, BLEND = 0.001, 0.02  # Dirichlet parameters: nearly always one name; mostly one, sometimes two or three
NO_OBJECT = ['<none>'] * 4
TEXTS_OF_A_PASS = 2  # of similar length, since shorter ones are padded
PRIOR_LR = 10  # times that of LoRA
PRIOR = re.compile(r'heads\.tuples\.class_reader\.(pmi|similarity)\.(?!encoder)')  # weights of the prior over names
SHORT, LONG = 12, 80  # names in a class map at most: in the first quarter of the steps and in tests; as COCO has


def read_class_maps(model: nn.Module, instructions: list[Instruction], embeddings: Tensor) -> Tensor:
    """Logits ``float[B, n, K + 1]`` of embeddings ``float[B, n, E]`` in the place of image tokens."""
    queries = model.llm.new_token_embeddings(['<cls>']).expand(*embeddings.shape[:2], 1, -1)
    return model.heads['tuples'].class_reader(model.llm, instructions, embeddings, queries)[0]


def reading_loss(model: nn.Module, exercises: list[Exercise], rng: np.random.Generator, blend: float) -> Tensor:
    """Cross-entropy ``float[]`` of exercises of equally many queries on names, or on mixtures of names.

    An image token between "circle" and "hexagon" lies between the two embeddings, and should be answered by both.

    Args:
        blend: Dirichlet parameter of the share of each name in a query; the smaller the purer.
    """
    instructions = [exercise.instruction for exercise in exercises]
    classes = max(len(instruction.class_names) for instruction in instructions)
    names = model.llm.embed_names([name for each in exercises for name in each.queries + NO_OBJECT])
    names = names.unflatten(0, (len(exercises), -1))  # [B, n + 4, E]
    answers = names.new_tensor(np.stack([with_no_object(exercise.answers, classes) for exercise in exercises]))
    queries = names.shape[1] - len(NO_OBJECT)
    shares = names.new_tensor(rng.dirichlet([blend] * names.shape[1], (len(exercises), queries)))  # [B, n, n + 4]
    embeddings = shares @ names
    embeddings = embeddings + NOISE * embeddings.detach().std() * torch.randn_like(embeddings)
    logits = read_class_maps(model, instructions, embeddings)
    if prior_parameters(model):
        reader = model.heads['tuples'].class_reader
        rows = [reader.prior_logits(model.llm, each.queries, [each.instruction.class_names])[0]
                for each in exercises]  # [n, k]
        rows = torch.stack([F.pad(each, (0, classes - each.shape[1], 0, len(NO_OBJECT))) for each in rows])
        logits = logits + F.pad(shares @ rows, (0, 1))
    logits = mask_padding(logits, instructions)
    return F.cross_entropy(logits.flatten(0, 1), (shares @ answers).flatten(0, 1))


def prior_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """What is trained of the class reader's prior over names, by name; nothing where it has none."""
    return {name: parameter for name, parameter in model.named_parameters() if PRIOR.match(name)}


def with_no_object(answers: np.ndarray, classes: int) -> np.ndarray:
    """Answers ``float[n, k + 1]`` with more classes and with rows for the queries ``NO_OBJECT``:
    ``float[n + 4, classes + 1]``; the last column is of ``<none>``."""
    padded = np.insert(answers, [answers.shape[1] - 1] * (classes + 1 - answers.shape[1]), 0, axis=1)
    none = np.eye(classes + 1)[[classes] * len(NO_OBJECT)]
    return np.concatenate([padded, none])


EXERCISES: dict[str, Callable[[np.random.Generator, int, int], Exercise]] = dict(
    names=lambda rng, queries, longest: sample_name_exercise(rng, TRAIN, queries, longest, PHRASE_SHARE),
    all_names=lambda rng, queries, longest: sample_name_exercise(rng, wide_corpus(), queries, longest, PHRASE_SHARE),
    synonyms=sample_synonym_exercise,
    related=sample_related_exercise,
    kinds=lambda rng, queries, _: sample_kind_exercise(rng, queries),
    supercategories=lambda rng, queries, _: sample_supercategory_exercise(rng, queries),
    expressions=lambda rng, queries, _: sample_expression_exercise(rng, queries),
    few_names=lambda rng, queries, _: sample_few_names_exercise(rng, queries))


@torch.no_grad()
def reading_accuracy(model: nn.Module, exercises: int = 30, queries: int = 24, seed: int = 1) -> dict[str, float]:
    """Accuracy in percent on nouns, phrases and wordings that are never trained on.

    Returns:
        ``named``: the right class token among the named, of named queries; ``all``: with ``<none>`` for the unnamed;
        ``phrased``: as ``named``, where the map holds phrases around the nouns.
    """
    model.eval()
    named, everything = _accuracy(model, np.random.default_rng(seed), exercises, queries, phrase_share=0.0)
    phrased, _ = _accuracy(model, np.random.default_rng(seed), exercises, queries, phrase_share=1.0)
    return dict(named=named, all=everything, phrased=phrased)


def _accuracy(model: nn.Module, rng: np.random.Generator, exercises: int, queries: int,
              phrase_share: float) -> tuple[float, float]:
    correct, correct_named, count, count_named = 0, 0, 0, 0
    for _ in range(exercises):
        exercise = sample_name_exercise(rng, TEST, queries, SHORT, phrase_share)
        logits = read_class_maps(model, [exercise.instruction], model.llm.embed_names(exercise.queries)[None])[0]
        answer = torch.tensor(exercise.answers.argmax(-1), device=logits.device)
        named = answer < logits.shape[-1] - 1
        correct += (logits.argmax(-1) == answer).sum().item()
        correct_named += (logits[:, :-1].argmax(-1) == answer)[named].sum().item()
        count, count_named = count + queries, count_named + int(named.sum())
    return 100 * correct_named / max(count_named, 1), 100 * correct / count


@TASK_UTILS.register_module()
class ClassMapReading(PretrainingStage):
    """Train LoRA and the new tokens' rows, frozen by the config or not. In the first quarter of the steps on pure names
    and short maps, then half of the queries are mixtures of names, and maps are as long as COCO's.

    Args:
        name, steps, lr: As of ``PretrainingStage``; a step is ``texts`` exercises.
        texts: Instructions of a step.
        queries: Names looked up in each.
        seed: Of the exercises.
        exercises: Shares of the instructions, by what they ask for: ``names`` of the lists of nouns or ``all_names``,
            ``synonyms``, names of ``related`` things, ``kinds``, COCO's ``supercategories``, referring ``expressions``.
            Names alone if None.
        mixtures: After the first quarter of the steps, half of the queries are mixtures of names, as image tokens of
            ``ClassMapReader`` are; ``VocabularyReader`` looks up words only.
    """

    uses_data = False

    def __init__(self, name: str, steps: int = 240, lr: float = 1e-3, texts: int = 4, queries: int = 16,
                 seed: int = 0, exercises: dict[str, float] | None = None, mixtures: bool = True):
        super().__init__(name, steps, lr)
        self.texts, self.queries, self.seed = texts, queries, seed
        self.mixtures = mixtures
        self.exercises = dict(exercises or dict(names=1.0))
        unknown = sorted(self.exercises.keys() - EXERCISES.keys())
        if unknown or not math.isclose(sum(self.exercises.values()), 1):
            raise ConfigError(f'{name}: exercises are {self.exercises}, and must be shares that add up to 1 of '
                              f'{", ".join(EXERCISES)}.')

    def depends_on(self, model: nn.Module) -> list[object]:
        """The language model, and how the class reader prompts it; not the images' part, so that runs share a cache."""
        reader = model.heads['tuples'].class_reader
        return [model.llm, (reader.opening, reader.image_context)]

    def parts(self, model: nn.Module) -> list[nn.Module]:
        """The language model."""
        return [model.llm]

    def run(self, runner: Runner, progress: StageProgress) -> dict[str, Tensor]:
        """As in ``PretrainingStage``, without data."""
        model = unwrapped(runner.model)
        trained = [*model.llm.adapter_parameters().values(), *prior_parameters(model).values()]
        with requires_grad(trained, True):
            self.train(model, progress)
        accuracy = reading_accuracy(model, exercises=10)
        model.train()
        print_log(f'{self.name}: {accuracy["named"]:.1f} % of unseen names, '
                  f'{accuracy["phrased"]:.1f} % within phrases, {accuracy["all"]:.1f} % with <none>', 'current')
        changed = {f'llm.{name}' for name in model.llm.adapter_parameters()}
        changed |= {name for name in model.state_dict() if PRIOR.match(name)}
        return {name: value for name, value in model.state_dict().items() if name in changed}

    def train(self, model: nn.Module, progress: StageProgress) -> list[float]:
        """Run all steps that are to be done; the loss of each."""
        parameters = [p for p in model.llm.parameters() if p.requires_grad]
        groups = [dict(params=parameters)]
        if prior := prior_parameters(model):
            model.heads['tuples'].class_reader.pmi.fit_prior(model.llm, wide_corpus().nouns)
            groups.append(dict(params=list(prior.values()), lr=PRIOR_LR * self.lr))
        optimizer = torch.optim.AdamW(groups, lr=self.lr, betas=(0.9, 0.98), weight_decay=0.0)
        initial = [group['lr'] for group in optimizer.param_groups]
        losses = []
        for step in progress.steps(self.name, self.steps, self.seed, model, optimizer):
            for group, lr in zip(optimizer.param_groups, initial):
                group['lr'] = lr * min(1.0, (step + 1) / 5, max(self.steps - step, 1) / (0.5 * self.steps))
            losses.append(self._backward(model, np.random.default_rng([self.seed, step]), step < self.steps // 4))
            average_gradients(parameters)
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            if (step + 1) % LOG_INTERVAL == 0:
                loss = np.mean(losses[-LOG_INTERVAL:])
                print_log(f'{self.name} [{step + 1}/{self.steps}] loss: {loss:.4f}', 'current')
        return losses

    def _backward(self, model: nn.Module, rng: np.random.Generator, easy: bool) -> float:
        """Gradients of one step: names as they are, and in a second pass mixtures of names."""
        exercises = [self._sample(rng, SHORT if easy else LONG) for _ in range(self.texts)]
        mixed = exercises[:self.texts // 2] if self.mixtures and not easy else []
        total = 0.0
        for chosen, blend in ((exercises[len(mixed):], PURE), (mixed, BLEND)):
            chosen = sorted(chosen, key=lambda each: len(each.instruction.text))
            for start in range(0, len(chosen), TEXTS_OF_A_PASS):
                some = chosen[start:start + TEXTS_OF_A_PASS]
                loss = reading_loss(model, some, rng, blend) * len(some) / self.texts
                loss.backward()
                total += loss.item()
        return total

    def _sample(self, rng: np.random.Generator, max_names: int) -> Exercise:
        sort = str(rng.choice(list(self.exercises), p=list(self.exercises.values())))
        return EXERCISES[sort](rng, self.queries, max_names)


@HOOKS.register_module()
class RehearseReading(Hook):
    """Add the gradient of a class-map reading exercise to a training step now and then, against forgetting: the few
    names of a small dataset would otherwise replace what was learned on all others.

    Args:
        interval: Steps from one exercise to the next.
    """

    def __init__(self, interval: int = 4):
        self.interval = interval

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        if runner.iter % self.interval == 0:
            rng = np.random.default_rng([runner.seed, runner.iter])
            exercise = sample_name_exercise(rng, TRAIN, 16, LONG, PHRASE_SHARE)
            loss = reading_loss(unwrapped(runner.model), [exercise], rng, blend=BLEND)
            loss.backward()  # the optimizer's next step includes it

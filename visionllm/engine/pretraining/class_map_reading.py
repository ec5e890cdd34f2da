"""Class-map reading: the language model learns to look up a name in the instruction's class map, from text alone.

Embeddings of names, with noise, stand in for image tokens; the answer is the class token that the map gives the name,
or ``<none>``.

Dimensions: M queries, K named classes, E width of the language model.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from mmdet.registry import HOOKS, TASK_UTILS
from mmengine.hooks import Hook
from mmengine.logging import print_log
from torch import Tensor, nn

from visionllm.language import TASKS, Instruction, parse_instruction, render_instruction
from visionllm.language.vocabulary import NUM_CLASS_TOKENS
from visionllm.language.word_lists import ADJECTIVES, TEST_NOUNS, TEST_PHRASES, TRAIN_NOUNS, TRAIN_PHRASES

from ..distributed import average_gradients, unwrapped
from .stage import PretrainingStage

NOISE = 0.3  # in standard deviations of the embeddings
PURE, BLEND = 0.001, 0.02  # Dirichlet parameters: nearly always one name; mostly one, sometimes two or three
NO_OBJECT = ['<none>'] * 4
UNNAMED_SHARE = 0.4  # of the queries
PHRASE_SHARE = 0.2  # of the class maps
SHORT, LONG = 12, 80  # names in a class map at most: in the first quarter of the steps and in tests; as COCO has


@dataclass(frozen=True)
class Corpus:
    """Texts to draw exercises from."""
    nouns: tuple[str, ...]
    phrases: tuple[str, ...]
    wordings: tuple[str, ...]


TRAIN = Corpus(TRAIN_NOUNS, TRAIN_PHRASES, TASKS['detection'].wordings)
TEST = Corpus(TEST_NOUNS, TEST_PHRASES, TASKS['detection'].held_out)


def sample_exercise(rng: np.random.Generator, corpus: Corpus, queries: int, max_names: int = SHORT,
                    phrase_share: float = 0.0) -> tuple[Instruction, list[str], list[int]]:
    """A random instruction, and names to look up in its class map.

    The number of names is log-uniform; in some maps all names carry an adjective.

    Args:
        queries: Number of names to look up.
        max_names: Length of the longest class map.
        phrase_share: Share of maps that hold phrases around the nouns that are looked up.

    Returns:
        The instruction, the names, and for each its index in the class set (K for none of them).
    """
    count = int((max_names + 1)**rng.random())
    names = [str(n) for n in rng.permutation(corpus.nouns)[:2 * max_names]]
    style = rng.random()
    if style < 0.3:
        names = [f'{rng.choice(ADJECTIVES)} {name}' for name in names]
    named, unnamed = names[:count], names[count:]
    with_phrases = style >= 1 - phrase_share
    written = [str(rng.choice(corpus.phrases)).format(name) for name in named] if with_phrases else named
    tokens = rng.permutation(NUM_CLASS_TOKENS)[:count].tolist()
    text = render_instruction(written, str(rng.choice(corpus.wordings)), TASKS['detection'].output_format, tokens)
    looked_up, answers = [], []
    for _ in range(queries):
        if rng.random() < UNNAMED_SHARE:
            looked_up.append(unnamed[rng.integers(len(unnamed))])
            answers.append(count)
        else:
            answers.append(int(rng.integers(count)))
            looked_up.append(named[answers[-1]])
    return parse_instruction(text), looked_up, answers


def read_class_map(model: nn.Module, instruction: Instruction, embeddings: Tensor) -> Tensor:
    """Logits ``float[M, K + 1]`` of embeddings ``float[M, E]`` in the place of image tokens."""
    queries = model.llm.new_token_embeddings(['<cls>']).expand(len(embeddings), 1, -1)
    reader = model.heads['tuples'].class_reader
    return reader(model.llm, [instruction], embeddings[None], queries[None])[0][0]


def reading_loss(model: nn.Module, rng: np.random.Generator, queries: int, blend: float,
                 max_names: int = LONG) -> Tensor:
    """Cross-entropy ``float[]`` of one random exercise on names, or on mixtures of names.

    An image token between "circle" and "hexagon" lies between the two embeddings, and should be answered by both.

    Args:
        blend: Dirichlet parameter of the share of each name in a query; the smaller the purer.
        max_names: Length of the longest class map.
    """
    instruction, looked_up, answers = sample_exercise(rng, TRAIN, queries, max_names, PHRASE_SHARE)
    looked_up, answers = looked_up + NO_OBJECT, answers + [len(instruction.class_names)] * len(NO_OBJECT)
    names = model.llm.embed_names(looked_up)
    shares = torch.tensor(rng.dirichlet([blend] * len(looked_up), queries), dtype=names.dtype, device=names.device)
    embeddings = shares @ names
    embeddings = embeddings + NOISE * embeddings.detach().std() * torch.randn_like(embeddings)
    logits = read_class_map(model, instruction, embeddings)
    target = shares @ F.one_hot(torch.tensor(answers, device=names.device), logits.shape[-1]).to(shares)
    return F.cross_entropy(logits, target)


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
        instruction, looked_up, answers = sample_exercise(rng, TEST, queries, phrase_share=phrase_share)
        logits = read_class_map(model, instruction, model.llm.embed_names(looked_up))
        answer = torch.tensor(answers, device=logits.device)
        named = answer < logits.shape[-1] - 1
        correct += (logits.argmax(-1) == answer).sum().item()
        correct_named += (logits[:, :-1].argmax(-1) == answer)[named].sum().item()
        count, count_named = count + len(looked_up), count_named + int(named.sum())
    return 100 * correct_named / max(count_named, 1), 100 * correct / count


@TASK_UTILS.register_module()
class ClassMapReading(PretrainingStage):
    """Train LoRA and the new tokens' rows. In the first quarter of the steps on pure names and short maps, then half of
    the queries are mixtures of names, and maps are as long as COCO's.

    Args:
        name, steps, lr: As of ``PretrainingStage``; a step is ``texts`` exercises.
        texts: Instructions of a step.
        queries: Names looked up in each.
        seed: Of the exercises.
    """

    uses_data = False

    def __init__(self, name: str, steps: int = 240, lr: float = 1e-3, texts: int = 4, queries: int = 16,
                 seed: int = 0):
        super().__init__(name, steps, lr)
        self.texts, self.queries, self.seed = texts, queries, seed

    def depends_on(self, model: nn.Module) -> list[object]:
        """The language model, and how the class reader prompts it; not the images' part, so that runs share a cache."""
        reader = model.heads['tuples'].class_reader
        return [model.llm, (reader.opening, reader.image_context)]

    def parts(self, model: nn.Module) -> list[nn.Module]:
        """The language model."""
        return [model.llm]

    def run(self, runner) -> dict[str, Tensor]:
        """As in ``PretrainingStage``, without data."""
        model = unwrapped(runner.model)
        losses = self.train(model)
        accuracy = reading_accuracy(model, exercises=10)
        model.train()
        print_log(f'{self.name}: loss {losses[0]:.2f} -> {losses[-1]:.3f}; {accuracy["named"]:.1f} % of unseen names, '
                  f'{accuracy["phrased"]:.1f} % within phrases, {accuracy["all"]:.1f} % with <none>', 'current')
        changed = {f'llm.{name}' for name, parameter in model.llm.named_parameters() if parameter.requires_grad}
        return {name: value for name, value in model.state_dict().items() if name in changed}

    def train(self, model: nn.Module) -> list[float]:
        """Run all steps; the loss of each."""
        rng = np.random.default_rng(self.seed)
        torch.manual_seed(self.seed)
        parameters = [p for p in model.llm.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(parameters, lr=self.lr, betas=(0.9, 0.98), weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min(1.0, (step + 1) / 5, max(self.steps - step, 1) / (0.5 * self.steps)))
        losses = []
        for step in range(self.steps):
            losses.append(self._backward(model, rng, easy=step < self.steps // 4))
            average_gradients(parameters)
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        return losses

    def _backward(self, model: nn.Module, rng: np.random.Generator, easy: bool) -> float:
        total = 0.0
        for text in range(self.texts):
            blend = PURE if easy or text % 2 == 0 else BLEND
            loss = reading_loss(model, rng, self.queries, blend, SHORT if easy else LONG) / self.texts
            loss.backward()
            total += loss.item()
        return total


@HOOKS.register_module()
class RehearseReading(Hook):
    """Add the gradient of a class-map reading exercise to a training step now and then, against forgetting: the few
    names of a small dataset would otherwise replace what was learned on all others.

    Args:
        interval: Steps from one exercise to the next.
    """

    def __init__(self, interval: int = 4):
        self.interval = interval

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        if runner.iter % self.interval == 0:
            rng = np.random.default_rng([runner.seed, runner.iter])
            loss = reading_loss(unwrapped(runner.model), rng, queries=16, blend=BLEND)
            loss.backward()  # the optimizer's next step includes it

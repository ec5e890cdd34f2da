"""Instructions: one sentence that names the class set and the output tuple. Read here, and written here.

The class set is a mapping in the text, ``{"person": <c0>, "black cat": <c7>}``. A class token means nothing by
itself: in training, which names, in which order and with which tokens is drawn at random, so the model must read.
A class set that is too large for one sentence is asked for in several, each of which names a group of it.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .formats import InstructionError, OutputFormat, parse_format
from .vocabulary import NUM_CLASS_TOKENS

IMAGE_SLOT, CLASS_SLOT, FORMAT_SLOT, QUESTION_SLOT = '<image>', '<class>', '<format>', '<question>'
NAMES_AT_ONCE = 80  # as many as the paper names in one sentence, and as training draws at most
_ENTRY = re.compile(r'"([^"]*)"\s*:\s*<c(\d+)>')


@dataclass(frozen=True)
class Instruction:
    """An instruction and what it says."""
    text: str
    output_format: OutputFormat
    class_names: tuple[str, ...]
    class_tokens: tuple[int, ...]  # the k of <ck>, one a name


@lru_cache(maxsize=4096)
def parse_instruction(text: str) -> Instruction:
    """Read an instruction.

    Raises:
        InstructionError: No place for the image, no tuple, or a class set that cannot be used.
    """
    if text.count(IMAGE_SLOT) != 1:
        raise InstructionError(f'The instruction must hold {IMAGE_SLOT} exactly once, where the picture belongs; it '
                               f'does {text.count(IMAGE_SLOT)} times.')
    output_format = parse_format(text)
    if output_format.is_text:
        return Instruction(text, output_format, (), ())
    entries = _ENTRY.findall(text)
    names = tuple(name.strip() for name, _ in entries)
    tokens = tuple(int(token) for _, token in entries)
    check_class_set(names)
    if max(tokens) >= NUM_CLASS_TOKENS or len(set(tokens)) < len(tokens):
        raise InstructionError(f'Class tokens must be different ones of <c0> to <c{NUM_CLASS_TOKENS - 1}>, got '
                               f'{", ".join(f"<c{t}>" for t in tokens)}.')
    return Instruction(text, output_format, names, tokens)


def check_class_set(names: Sequence[str]) -> None:
    """Refuse names that one sentence cannot hold: as below, or too many.

    Raises:
        InstructionError
    """
    if len(names) > NUM_CLASS_TOKENS:
        raise InstructionError(f'The class set has {len(names)} names and there are {NUM_CLASS_TOKENS} class tokens. '
                               'Split the names into groups and ask once for each group.')
    check_class_names(names)


def check_class_names(names: Sequence[str]) -> None:
    """Refuse names of which there are none, or that name a class twice.

    Raises:
        InstructionError
    """
    if not names:
        raise InstructionError('The class set is empty. Name at least one class, as in {"person": <c0>}.')
    repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if repeated:
        raise InstructionError(f'The class set names {", ".join(repeated)} twice; name each class once.')
    bad = [name for name in names if not name.strip() or '"' in name]
    if bad:
        raise InstructionError(f'Class name {bad[0]!r} is blank or holds a double quote.')


def write_instruction(names: Sequence[str], wording: str, output_format: OutputFormat,
                      tokens: Sequence[int] | None = None, question: str = '') -> str:
    """Fill a wording's slots; ``<image>`` stays for the picture.

    Args:
        names: Class names, in the order of the text; none where words are asked for.
        wording: Text with the slots ``<image>``, ``<format>`` and, as its task needs, ``<class>`` or ``<question>``.
        output_format: What to answer with.
        tokens: Class tokens, 0, 1, 2, ... by default.
        question: What is asked.
    """
    if output_format.is_text:
        return wording.replace(FORMAT_SLOT, str(output_format)).replace(QUESTION_SLOT, question)
    check_class_set(list(names))
    tokens = range(len(names)) if tokens is None else tokens
    class_map = '{' + ', '.join(f'"{name}": <c{token}>' for name, token in zip(names, tokens)) + '}'
    return wording.replace(CLASS_SLOT, class_map).replace(FORMAT_SLOT, str(output_format))


def in_groups(names: Sequence[str], most: int) -> list[Sequence[str]]:
    """Names in as few groups of at most ``most`` as there can be, all of about one size."""
    count = -(-len(names) // most)
    ends = [len(names) * group // count for group in range(count + 1)]
    return [names[start:end] for start, end in zip(ends, ends[1:])]


def sentences_of(instruction: str | Sequence[str]) -> tuple[str, ...]:
    """The sentences of an instruction, which is one or several."""
    return (instruction, ) if isinstance(instruction, str) else tuple(instruction)


def draw_class_set(rng: np.random.Generator, all_names: Sequence[str], present: Sequence[str], max_names: int,
                   looked_for: Collection[str] = ()) -> tuple[list[str], list[int]]:
    """Random class set of a training step: names in random order, each with a random class token.

    One time in three all classes, if they are not too many; else a random share of the present ones and a random
    number of absent ones, so that many objects have no name in the set.

    Args:
        rng: Source of randomness.
        all_names: The dataset's classes.
        present: Those found in the pictures.
        max_names: At most this many names.
        looked_for: Names that come before other absent ones: nothing can be learned of what nobody has looked for.
    """
    names = list(all_names)
    if len(names) > max_names or rng.random() < 2 / 3:
        share = rng.uniform(0.2, 1.0)
        kept = [name for name in present if rng.random() < share]
        absent = [name for name in names if name not in set(present)]
        absent = [absent[i] for i in rng.permutation(len(absent))]
        extra = sorted(absent, key=lambda name: name not in looked_for)[:rng.integers(0, len(absent) + 1)]
        names = kept + extra
        names = names[:max_names] or [all_names[rng.integers(len(all_names))]]
    order = rng.permutation(len(names))
    tokens = rng.permutation(NUM_CLASS_TOKENS)[:len(names)]
    return [names[i] for i in order], tokens.tolist()

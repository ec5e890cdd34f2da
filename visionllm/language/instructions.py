"""Instructions: sentences that define the class set and the output tuple (paper, section 3.1). Parsing and rendering.

The class set is a mapping in the text, ``{"person": <c0>, "black cat": <c7>}``. Class tokens have no fixed meaning: in
training the names, their order and their tokens are sampled at random, so that predictions depend on the mapping.
A class set that is too large for one sentence is split into groups, with one sentence per group.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .names import normalized_name
from .output_format import InstructionError, OutputFormat, contains_output_tuple, parse_format
from .vocabulary import NUM_CLASS_TOKENS

IMAGE_SLOT, CLASS_SLOT, FORMAT_SLOT, QUESTION_SLOT = '<image>', '<class>', '<format>', '<question>'
MAX_CLASSES_PER_INSTRUCTION = 80  # the number of classes in the paper's instructions
_CONTROL_CHARACTER = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029]')
_RESERVED_TOKEN = re.compile(r'<[^<>\s]+>|\[/?[A-Z]{3,}\d*\]')  # ours, and those of language models
_ENTRY = re.compile(r'"([^"]*)"\s*:\s*<c(\d+)>')


@dataclass(frozen=True)
class Instruction:
    """A parsed instruction of one sentence."""
    text: str  # as the model reads it, with normalized names
    output_format: OutputFormat
    class_names: tuple[str, ...]  # as they were written; empty for text output
    class_tokens: tuple[int, ...]  # the k of <ck>, one per name

    @property
    def read_names(self) -> tuple[str, ...]:
        """The names as the model reads them."""
        return tuple(map(normalized_name, self.class_names))


@lru_cache(maxsize=4096)
def parse_instruction(text: str) -> Instruction:
    """Parse an instruction of one sentence.

    Raises:
        InstructionError: The image placeholder or the output tuple is missing or repeated, or the class set is invalid.
    """
    if text.count(IMAGE_SLOT) != 1:
        raise InstructionError(f'The instruction must contain the image placeholder {IMAGE_SLOT} exactly once; it '
                               f'contains it {text.count(IMAGE_SLOT)} times.')
    output_format = parse_format(text)
    if output_format.is_text:
        return Instruction(text, output_format, (), ())
    entries = _ENTRY.findall(text)
    names = tuple(name.strip() for name, _ in entries)
    tokens = tuple(int(token) for _, token in entries)
    check_class_set(names)
    if max(tokens) >= NUM_CLASS_TOKENS or len(set(tokens)) < len(tokens):
        raise InstructionError(f'Class tokens must be different and between <c0> and <c{NUM_CLASS_TOKENS - 1}>, got '
                               f'{", ".join(f"<c{t}>" for t in tokens)}.')
    read = _ENTRY.sub(lambda entry: f'"{normalized_name(entry[1])}": <c{entry[2]}>', text)
    return Instruction(read, output_format, names, tokens)


def check_class_set(names: Sequence[str]) -> None:
    """Validate the class names of one sentence.

    Raises:
        InstructionError: There are more names than class tokens, or ``check_class_names`` rejects them.
    """
    if len(names) > NUM_CLASS_TOKENS:
        raise InstructionError(f'The class set has {len(names)} names and there are {NUM_CLASS_TOKENS} class tokens. '
                               'Split the names into groups and write one sentence per group.')
    check_class_names(names)


def check_class_names(names: Sequence[str]) -> None:
    """Validate class names, however many.

    Raises:
        InstructionError: There is none, one occurs twice, or one has a ``fault_in_class_name``.
    """
    if not names:
        raise InstructionError('The class set is empty. Name at least one class, as in {"person": <c0>}.')
    repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if repeated:
        raise InstructionError(f'The class set names {", ".join(repeated)} twice; name each class once.')
    for name in names:
        fault = fault_in_class_name(name)
        if fault:
            raise InstructionError(f'Class name {name!r} {fault}.')


def fault_in_class_name(name: str) -> str | None:
    """What makes a name unusable in an instruction, as a verb phrase; None if it can be used."""
    if not name.strip():
        return 'is blank'
    if name != name.strip():
        return 'begins or ends with a space'
    if '"' in name:
        return 'contains a double quote'
    if _CONTROL_CHARACTER.search(name):
        return 'contains a line break, or another control character'
    if _RESERVED_TOKEN.search(name):
        return 'contains a reserved token such as <image> or [SEP]'
    if contains_output_tuple(name):
        return 'contains an output tuple'
    return None


def render_instruction(names: Sequence[str], wording: str, output_format: OutputFormat,
                      tokens: Sequence[int] | None = None, question: str = '') -> str:
    """Fill the slots of an instruction template; ``<image>`` is left as the image placeholder.

    Args:
        names: Class names, in the order of the text; none for text output.
        wording: Template with the slots ``<image>``, ``<format>`` and, by task, ``<class>`` or ``<question>``.
        output_format: The output tuple.
        tokens: Class tokens of the names, 0, 1, 2, ... by default.
        question: The question of a visual question answering template.

    Raises:
        InstructionError: The class names are invalid for one sentence.
    """
    if output_format.is_text:
        return wording.replace(FORMAT_SLOT, str(output_format)).replace(QUESTION_SLOT, question)
    check_class_set(list(names))
    tokens = range(len(names)) if tokens is None else tokens
    class_map = '{' + ', '.join(f'"{name}": <c{token}>' for name, token in zip(names, tokens)) + '}'
    return wording.replace(CLASS_SLOT, class_map).replace(FORMAT_SLOT, str(output_format))


def split_evenly(names: Sequence[str], most: int) -> list[Sequence[str]]:
    """Split names into the smallest number of groups of at most ``most`` names; group sizes differ by at most one."""
    count = -(-len(names) // most)
    ends = [len(names) * group // count for group in range(count + 1)]
    return [names[start:end] for start, end in zip(ends, ends[1:])]


def instruction_sentences(instruction: str | Sequence[str]) -> tuple[str, ...]:
    """The sentences of an instruction, given as one string or as several."""
    return (instruction, ) if isinstance(instruction, str) else tuple(instruction)


def sample_class_set(rng: np.random.Generator, all_names: Sequence[str], present: Sequence[str], max_names: int,
                   verified_names: Collection[str] = ()) -> tuple[list[str], list[int]]:
    """Sample the class set of a training step: names in random order, each with a random class token.

    With probability 1/3 all classes, unless they are more than ``max_names``; else a random fraction of the positive
    classes and a random number of negative ones. Objects of classes that are left out become no-object.

    Args:
        rng: Random number generator.
        all_names: The dataset's classes.
        present: Positive classes: those with objects in the images of the batch.
        max_names: Maximum number of names.
        verified_names: Negative classes of this set are sampled first: with federated annotations only they are
            verified to be absent.

    Returns:
        Class names, and the k of their tokens ``<ck>``.
    """
    names = list(all_names)
    if len(names) > max_names or rng.random() < 2 / 3:
        keep_probability = rng.uniform(0.2, 1.0)
        positives = [name for name in present if rng.random() < keep_probability]
        negatives = [name for name in names if name not in set(present)]
        negatives = [negatives[i] for i in rng.permutation(len(negatives))]
        negatives = sorted(negatives, key=lambda name: name not in verified_names)
        names = positives + negatives[:rng.integers(0, len(negatives) + 1)]
        names = names[:max_names] or [all_names[rng.integers(len(all_names))]]
    order = rng.permutation(len(names))
    tokens = rng.permutation(NUM_CLASS_TOKENS)[:len(names)]
    return [names[i] for i in order], tokens.tolist()


def class_names_of(instruction: str | Sequence[str]) -> list[str]:
    """All class names of an instruction, sentence by sentence."""
    return [name for sentence in instruction_sentences(instruction) for name in parse_instruction(sentence).class_names]


def format_of(instruction: str | Sequence[str]) -> OutputFormat:
    """The output format of an instruction, which is the same in all of its sentences."""
    return parse_instruction(instruction_sentences(instruction)[0]).output_format

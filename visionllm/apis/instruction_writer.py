"""Instruction data by a language model that reads captions and boxes and never sees the image (LLaVA, section 3)."""

import re
from collections.abc import Callable
from functools import partial

import numpy as np

from visionllm.datasets.sentences import has_reserved_token
from visionllm.datasets.visual_instructions import AnnotatedImage, Turns, Writer

RULES = ('You see one picture, given as sentences about it and as objects with boxes (x1, y1, x2, y2) from 0 to 1. '
         'Answer as if you saw the picture, and never mention sentences or boxes. Ask only what the given facts answer '
         'with certainty. ')
FORMAT = 'Write lines that start with "Question:" and, after each, one that starts with "Answer:".'
TASKS = dict(
    conversation='Write a conversation of up to five short questions about objects, their number, place and actions. ',
    detail='Write one question that asks for a detailed description, and the description. ',
    complex='Write one question that takes several steps of reasoning about the scene, and an answer with the steps. ')
DOUBT = re.compile(r'cannot be (determined|told|known)|not (clear|sure|certain|possible to)|unclear|unknown|might be|'
                   r'may be|possibly|perhaps|probably', re.IGNORECASE)
MAX_NEW_TOKENS = 512


def pipeline_writers(source: str) -> dict[str, Writer]:
    """Writers of all kinds, by any chat model for text.

    Args:
        source: Hub id or folder, or ``wheel:NAME``.
    """
    from transformers import pipeline

    from visionllm.assets import resolve
    chat = pipeline('text-generation', model=resolve(source))

    def write(prompt: str) -> str:
        reply = chat([dict(role='user', content=prompt)], max_new_tokens=MAX_NEW_TOKENS, do_sample=False)
        return reply[0]['generated_text'][-1]['content']
    return writers(write)


def writers(write: Callable[[str], str]) -> dict[str, Writer]:
    """Writers of all kinds, by a function from a prompt to a text."""
    return {kind: partial(write_turns, write, kind) for kind in TASKS}


def write_turns(write: Callable[[str], str], kind: str, image: AnnotatedImage, rng: np.random.Generator) -> Turns:
    """The questions and answers that a language model wrote about an image; none where it knows nothing of it."""
    known = describe(image)
    return parse_turns(write(f'{RULES}{TASKS[kind]}{FORMAT}\n\n{known}')) if known else []


def describe(image: AnnotatedImage) -> str:
    """Captions, one a line, and the objects with their boxes."""
    boxes = [f'{name}: ({", ".join(f"{value:.2f}" for value in box)})'
             for name, box in zip(image.classes, image.boxes)]
    return '\n'.join([*image.captions, *boxes])


def parse_turns(text: str) -> Turns:
    """Questions with definite answers in a text; doubtful ones and those with reserved tokens are left out."""
    pairs = re.findall(r'Question:\s*(.+?)\s*\n\s*Answer:\s*(.+?)\s*(?=\n\s*Question:|\Z)', text, re.DOTALL)
    turns = [tuple(' '.join(part.split()) for part in pair) for pair in pairs]
    return [turn for turn in turns if not DOUBT.search(turn[1]) and not has_reserved_token(*turn)]

"""ScienceQA (Lu et al., NeurIPS 2022): multiple choice questions with lectures and explanations."""

from collections.abc import Sequence
from pathlib import Path

from mmdet.registry import DATASETS

from visionllm.annotations.files import read_json
from visionllm.language import TASKS

from .sentences import SentenceDataset, fault_in_instruction, has_reserved_token

LETTERS = 'ABCDEFGH'


@DATASETS.register_module()
class ScienceQADataset(SentenceDataset):
    """One sample per question with a picture, in the prompt format ``QCM-LEA``: question, context and choices; lecture,
    explanation and answer. Questions without a picture are skipped, and counted in the log.

    Sample keys: as of ``ConversationDataset``; ``answer`` is the letter of the right choice, ``kind`` the subject.

    Args:
        ann_file: ``problems.json``.
        splits_file: ``pid_splits.json``.
        split: Name of a split in it.
        data_root, data_prefix, missing, pipeline, test_mode: As in ``SentenceDataset``; pictures are in
            ``SPLIT/ID/image.png`` of ``data_prefix['img']``.
    """

    def __init__(self, ann_file: str, splits_file: str, split: str = 'test', data_root: str = '',
                 data_prefix: dict | None = None, missing: str = 'error', pipeline: Sequence = (),
                 test_mode: bool = False):
        self.splits_file = Path(data_root, splits_file)
        super().__init__(ann_file, data_root, data_prefix, split, missing, pipeline, test_mode)

    def read_samples(self) -> list[dict]:
        """As in ``SentenceDataset``."""
        problems, splits = read_json(self.ann_file), read_json(self.splits_file)
        return [_sample(name, problem_id, problems[problem_id]) for name in splits if name == self.split
                for problem_id in splits[name]]


def _sample(split: str, problem_id: str, problem: dict) -> dict:
    question = prompt_of(problem)
    letter = LETTERS[problem['answer']]
    turns = (' '.join([problem['lecture'], problem['solution'], f'The answer is {letter}.']).strip(), )
    return dict(file_name=f'{problem["split"]}/{problem_id}/{problem["image"]}', img_id=int(problem_id), height=None,
                width=None, split=split, instances=[], text=(), question=question, turns=turns, answer=letter,
                kind=problem['subject'], fault=_fault(problem, question, turns))


def prompt_of(problem: dict) -> str:
    """Question, context and choices of a problem, as ``QCM``."""
    choices = ' '.join(f'({letter}) {choice}' for letter, choice in zip(LETTERS, problem['choices']))
    return f'Question: {problem["question"]}\nContext: {problem["hint"].strip() or "N/A"}\nOptions: {choices}'


def _fault(problem: dict, question: str, turns: tuple[str, ...]) -> str | None:
    """Why a problem cannot be used; None if it can."""
    if not problem['image']:
        return 'the question has no picture'
    if has_reserved_token(*turns):
        return 'the answer contains a reserved token such as <image>'
    return fault_in_instruction(question, TASKS['questions'].output_format)

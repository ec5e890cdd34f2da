"""Conversations about a picture: LLaVA-Instruct, and questions with one answer."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from mmdet.registry import DATASETS

from visionllm.language import TASKS
from visionllm.language.instructions import IMAGE_SLOT

from .coco import AnnotationError
from .described_objects import add_objects
from .sentences import (
    SentenceDataset,
    by_id,
    fault_in_instruction,
    holds_mark,
    read_json,
    record_keys,
    require_known,
)

SPEAKERS = ('human', 'gpt')


@DATASETS.register_module()
class ConversationDataset(SentenceDataset):
    """One sample a conversation. Takes ``SentenceDataset``'s arguments, and the one below; the formats are those of
    ``read_conversations``.

    Sample keys: ``img_path``, ``img_id``, ``height``, ``width``; ``question``, the human's first words without
    ``<image>``; ``turns``, all that follows: ``(answer, question, answer, ...)``, of odd length; ``instances`` and
    ``text``, the objects and their names, where ``instances_file`` (COCO's) knows them, and empty otherwise. The
    scenes' questions keep their ``answer`` and ``kind``.

    Conversations that have no picture, start with the assistant, do not alternate, end with the human, or whose words
    are empty or hold the model's own marks, are left out and counted in the log with the first one's id.

    Args:
        go_on: A picture's other conversations follow each of them. Where answers are short, much more is learned from
            a picture that was read once.
    """

    def __init__(self, ann_file: str, data_root: str = '', data_prefix: dict | None = None,
                 split: str | Sequence[str] | None = None, missing: str = 'error', pipeline: Sequence = (),
                 test_mode: bool = False, indices: int | Sequence[int] | None = None,
                 instances_file: str | None = None, go_on: bool = False):
        self.go_on = go_on
        super().__init__(ann_file, data_root, data_prefix, split, missing, pipeline, test_mode, indices,
                         instances_file)

    def read_samples(self) -> list[dict]:
        """As in ``SentenceDataset``."""
        samples = read_conversations(self.ann_file)
        add_objects(samples, self.instances_file)
        if self.go_on:
            one_after_another(samples)
        return samples


def read_conversations(path: str | Path) -> list[dict]:
    """Samples of a file of conversations.

    - LLaVA-Instruct: a list of ``{id, image, conversations: [{from: human | gpt, value}, ...]}``;
    - ``questions_SPLIT.json``, the scenes' own: COCO's layout, annotations with ``question``, ``answer`` and ``kind``.

    Raises:
        AnnotationError: Of another format.
        KeyError, LookupError, TypeError: A record lacks something, or names a picture that is not there
            (``sentences.record_errors`` names the file).
    """
    content = read_json(path)
    if 'conversations' in record_keys(content):
        return [from_llava(record) for record in content]
    if {'question', 'answer'} <= record_keys(content, 'annotations'):
        return from_questions(content)
    raise AnnotationError(f'{path} holds no conversations: it is neither a list of records with conversations '
                          '(LLaVA-Instruct) nor a file of questions and answers.')


def from_llava(record: dict) -> dict:
    """A conversation of LLaVA-Instruct."""
    first, *rest = [turn['value'] for turn in record['conversations']] or ['']
    question, turns = first.replace(IMAGE_SLOT, '').strip(), tuple(text.strip() for text in rest)
    speakers = [turn['from'] for turn in record['conversations']]
    return dict(
        file_name=record.get('image'),
        img_id=record['id'],
        instances=[],
        text=(),
        question=question,
        turns=turns,
        fault=_fault_of_order(record.get('image'), speakers) or _fault_of_words(question, turns))


def from_questions(content: dict) -> list[dict]:
    """The scenes' questions, each a conversation of one turn."""
    images, records = by_id(content['images']), content['annotations']
    require_known([record['image_id'] for record in records], images, 'a picture')
    samples = []
    for record in records:
        image, turns = images[record['image_id']], (record['answer'].strip(), )
        samples.append(
            dict(
                file_name=image['file_name'],
                img_id=image['id'],
                height=image.get('height'),
                width=image.get('width'),
                instances=[],
                text=(),
                question=record['question'].strip(),
                turns=turns,
                answer=record['answer'],
                kind=record.get('kind', ''),
                fault=_fault_of_words(record['question'].strip(), turns)))
    return samples


def one_after_another(samples: list[dict]) -> None:
    """Let a picture's other conversations follow each of them, in the order of the file, from its start again."""
    groups: dict[str, list[dict]] = {}
    for sample in samples:
        if sample['fault'] is None:
            groups.setdefault(sample['file_name'], []).append(sample)
    for group in groups.values():
        said = [(sample['question'], *sample['turns']) for sample in group]
        for number, sample in enumerate(group):
            _, *turns = chain.from_iterable(said[number:] + said[:number])
            sample['turns'] = tuple(turns)


def _fault_of_order(picture: str | None, speakers: list[str]) -> str | None:
    """Why a conversation cannot be used, from who speaks when."""
    if not isinstance(picture, str) or not picture:
        return 'the conversation has no picture'
    if not speakers:
        return 'the conversation is empty'
    if speakers[0] != 'human':
        return 'the conversation starts with the assistant'
    if any(speaker != SPEAKERS[number % 2] for number, speaker in enumerate(speakers)):
        return 'human and gpt do not take turns'
    return 'the conversation ends with the human' if len(speakers) % 2 else None


def _fault_of_words(question: str, turns: tuple[str, ...]) -> str | None:
    if not all(turns):
        return 'a turn is empty'
    if holds_mark(*turns):
        return 'a turn holds a mark that means something to the model, such as <image>'
    return fault_in_instruction(question, TASKS['questions'].output_format)

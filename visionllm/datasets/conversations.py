"""Conversations about an image: LLaVA-Instruct, and single questions with answers."""

import itertools
from collections.abc import Sequence
from pathlib import Path

from mmdet.registry import DATASETS

from visionllm.annotations.coco_file import checked_content
from visionllm.annotations.files import AnnotationError, by_id, check_references, read_json, record_keys
from visionllm.language import TASKS
from visionllm.language.instructions import IMAGE_SLOT

from .coco_questions import generate_questions
from .image_instances import add_instances
from .sentences import (
    SentenceDataset,
    fault_in_instruction,
    has_reserved_token,
)

ROLES = dict(human='human', user='human', gpt='gpt', assistant='gpt')
SPEAKERS = ('human', 'gpt')
TRAINING_ROUNDS = 6  # of generated questions per image


@DATASETS.register_module()
class ConversationDataset(SentenceDataset):
    """One sample per conversation, in any format of ``read_conversations``.

    Sample keys: ``img_path``, ``img_id``, ``height``, ``width``; ``question``, the first human turn without
    ``<image>``; ``turns``, all turns after it: ``(answer, question, answer, ...)``, of odd length; ``instances`` and
    ``text``, the objects and their class names, from ``instances_file`` (COCO format) and empty without it. Samples of
    a file of questions also have ``answer`` and ``kind``.

    Conversations are skipped, and counted in the log with the id of the first one, if they have no image, start with
    the assistant, do not alternate, end with the human, or have a turn that is empty or contains a reserved token.

    Args:
        ann_file, data_root, data_prefix, split, missing, pipeline, test_mode, indices, instances_file: As in
            ``SentenceDataset``.
        chain: How many conversations about an image a sample has: each is followed by the next ones, so that one
            forward pass trains on several answers.
    """

    def __init__(self, ann_file: str, data_root: str = '', data_prefix: dict | None = None,
                 split: str | Sequence[str] | None = None, missing: str = 'error', pipeline: Sequence = (),
                 test_mode: bool = False, indices: int | Sequence[int] | None = None,
                 instances_file: str | None = None, chain: int = 1):
        self.chain = chain
        super().__init__(ann_file, data_root, data_prefix, split, missing, pipeline, test_mode, indices,
                         instances_file)

    def read_samples(self) -> list[dict]:
        """As in ``SentenceDataset``."""
        samples = read_conversations(self.ann_file, self.test_mode)
        add_instances(samples, self.instances_file)
        chain_conversations(samples, self.chain)
        return samples


def read_conversations(path: str | Path, test_mode: bool = False) -> list[dict]:
    """Read a file of conversations of either format, one sample per conversation.

    - LLaVA-Instruct: a list of ``{id, image, conversations: [{from: human | gpt, value}, ...]}``, or with the names of
      chat templates, ``messages``, ``role: user | assistant`` and ``content``;
    - a file of questions, as written for the scenes (``questions_SPLIT.json``) and by ``coco_questions``: COCO's
      layout, where annotations have ``question``, ``answer`` and ``kind``;
    - COCO's ``instances_*.json``, out of whose boxes questions are generated (``coco_questions``).

    Args:
        test_mode: Generate one question of each kind per image; for training there are more.

    Raises:
        AnnotationError: The file has another format.
        KeyError, LookupError, TypeError: A record lacks a key, or refers to an image that does not exist
            (``sentences.record_errors`` adds the file name).
    """
    content = read_json(path)
    if {'conversations', 'messages'} & record_keys(content):
        return [from_llava(record) for record in content]
    if {'question', 'answer'} <= record_keys(content, 'annotations'):
        return from_questions(content)
    if {'category_id', 'bbox'} <= record_keys(content, 'annotations'):
        content = checked_content(path, content)
        return from_questions(generate_questions(content, rounds=1 if test_mode else TRAINING_ROUNDS))
    raise AnnotationError(f'{path} holds no conversations: it is neither a list of records with conversations '
                          '(LLaVA-Instruct) nor a file of questions and answers.')


def from_llava(record: dict) -> dict:
    """Sample of a LLaVA-Instruct record."""
    written = record['messages'] if 'messages' in record else record['conversations']
    first, *rest = [turn['content'] if 'content' in turn else turn['value'] for turn in written] or ['']
    question, turns = first.replace(IMAGE_SLOT, '').strip(), tuple(text.strip() for text in rest)
    roles = [turn['role'] if 'role' in turn else turn['from'] for turn in written]
    speakers = [ROLES.get(role, str(role)) for role in roles]
    return dict(
        file_name=record.get('image'),
        img_id=record['id'],
        instances=[],
        text=(),
        question=question,
        turns=turns,
        fault=_structure_fault(record.get('image'), speakers) or _text_fault(question, turns))


def from_questions(content: dict) -> list[dict]:
    """Samples of a file of questions, each a conversation of one question and one answer."""
    images, records = by_id(content['images']), content['annotations']
    check_references([record['image_id'] for record in records], images, 'an image')
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
                fault=_text_fault(record['question'].strip(), turns)))
    return samples


def chain_conversations(samples: list[dict], length: int) -> None:
    """Append to the turns of each sample the next conversations of its image, in place: at most ``length`` in all.

    They follow in the order of the file, cyclically. Samples with a fault are left out.
    """
    groups: dict[str, list[dict]] = {}
    for sample in samples:
        if sample['fault'] is None:
            groups.setdefault(sample['file_name'], []).append(sample)
    for group in groups.values():
        conversations = [(sample['question'], *sample['turns']) for sample in group]
        for index, sample in enumerate(group):
            _, *turns = itertools.chain.from_iterable((conversations[index:] + conversations[:index])[:length])
            sample['turns'] = tuple(turns)


def _structure_fault(image: str | None, speakers: list[str]) -> str | None:
    """Why a conversation cannot be used, judging by its image and the order of its speakers; None if it can."""
    if not isinstance(image, str) or not image:
        return 'the conversation has no image'
    if not speakers:
        return 'the conversation is empty'
    if speakers[0] != 'human':
        return 'the conversation starts with the assistant'
    if any(speaker != SPEAKERS[index % 2] for index, speaker in enumerate(speakers)):
        return 'human and gpt do not take turns'
    return 'the conversation ends with the human' if len(speakers) % 2 else None


def _text_fault(question: str, turns: tuple[str, ...]) -> str | None:
    """Why a conversation cannot be used, judging by its text; None if it can."""
    if not all(turns):
        return 'a turn is empty'
    if has_reserved_token(*turns):
        return 'a turn contains a reserved token such as <image>'
    return fault_in_instruction(question, TASKS['questions'].output_format)

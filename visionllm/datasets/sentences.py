"""Pictures with words: what the datasets of expressions, captions and conversations share.

A reader turns a file into samples without looking at pictures. A sample's ``file_name`` is the picture's name in the
file, ``split`` (if there) the split it belongs to, ``fault`` why it cannot be used, and ``note`` what was done to use
it. Here the split is chosen, faults and notes are counted in the log, and pictures are looked up: nothing is dropped
in silence.
"""

import json
import logging
import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmdet.datasets import BaseDetDataset
from mmengine.logging import print_log
from PIL import Image

from visionllm.language import InstructionError, OutputFormat, parse_format
from visionllm.language.vocabulary import NEW_TOKENS

from .coco import AnnotationError, lies_outside
from .images import ImageError

_RESERVED = {*NEW_TOKENS, '<class>', '<format>', '<question>'}
_EXIF_ORIENTATION = 0x0112
_SAME_SPLIT = {'validation': 'val'}


class SentenceDataset(BaseDetDataset):
    """Samples that ``read_samples`` finds in ``ann_file``, each with a picture that is there.

    A picture may also go by COCO 2017's name for it: ``COCO_train2014_000000000009.jpg`` is found as
    ``000000000009.jpg``, in the folder or in its ``train2017`` or ``val2017``.

    Args:
        ann_file: Annotation file.
        data_root: Folder that ``ann_file`` and ``data_prefix`` are relative to.
        data_prefix: ``dict(img=FOLDER)``, where the pictures are.
        split: Name or names of splits; needed where the file holds several.
        missing: What to do about pictures that are not there: ``error``, ``leave_out`` (counted in the log) or
            ``keep`` (for looking at the words alone: sizes that the file does not give stay None).
        pipeline: MMDetection transforms.
        test_mode: As in ``BaseDetDataset``.
        indices: As in ``BaseDetDataset``.
        instances_file: Objects of the same pictures, where they are in a file of their own.

    Raises:
        AnnotationError: The file is not there or not of a known format, or it leaves no sample; or pictures are
            missing.
    """

    def __init__(self, ann_file: str, data_root: str = '', data_prefix: dict | None = None,
                 split: str | Sequence[str] | None = None, missing: str = 'error', pipeline: Sequence = (),
                 test_mode: bool = False, indices: int | Sequence[int] | None = None,
                 instances_file: str | None = None):
        if missing not in ('error', 'leave_out', 'keep'):
            raise ValueError(f'missing must be "error", "leave_out" or "keep", not {missing!r}.')
        self.split, self.missing, self.instances_file = split, missing, instances_file
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=data_prefix or dict(img=''),
            pipeline=list(pipeline),
            test_mode=test_mode,
            indices=indices)

    def read_samples(self) -> list[dict]:
        """Samples of the file, with ``file_name`` for ``img_path``, and ``split``, ``fault``, ``note`` as above."""
        raise NotImplementedError

    def load_data_list(self) -> list[dict]:
        """Samples of the split that have no fault, with their pictures."""
        with record_errors(self.ann_file):
            samples = self.read_samples()
        samples = of_split(samples, self.split, self.ann_file)
        samples = without_faults(samples, self.ann_file)
        return self._with_pictures(samples)

    def get_data_info(self, idx: int) -> dict:
        """A sample; sizes that the file does not give are read from the picture's header, when asked for."""
        info = super().get_data_info(idx)
        if info.get('height') is None and self.missing != 'keep':
            info['height'], info['width'] = picture_size(info['img_path'])
        return info

    def _with_pictures(self, samples: list[dict]) -> list[dict]:
        folder = self.data_prefix['img']
        names = sorted({sample['file_name'] for sample in samples})
        paths = {name: find_picture(folder, name) for name in names}
        absent = [name for name in names if paths[name] is None]
        if absent and self.missing != 'keep':
            told = (f'{len(absent)} of the {len(names)} pictures of {self.ann_file} are not in '
                    f'{os.path.abspath(folder)} (the first is {absent[0]})')
            if self.missing == 'error' or len(absent) == len(names):
                raise AnnotationError(f'{told}. Set data_prefix=dict(img=FOLDER) of the dataset, or '
                                      'missing="leave_out" to use the pictures that are there.')
            print_log(f'{told}; their samples are left out.', 'current', level=logging.WARNING)
            samples = [sample for sample in samples if paths[sample['file_name']]]
        for sample in samples:
            name = sample.pop('file_name')
            sample['img_path'] = paths[name] or os.path.join(folder, name)
        return samples


@contextmanager
def record_errors(ann_file: str | Path) -> Iterator[None]:
    """Say which file holds a record that cannot be used: one that lacks a key, or has something else under it."""
    try:
        yield
    except KeyError as error:
        raise AnnotationError(f'{ann_file}: a record lacks {error}.') from error
    except LookupError as error:
        raise AnnotationError(f'{ann_file}: {error}') from error
    except (AttributeError, TypeError, ValueError) as error:
        if isinstance(error, AnnotationError):
            raise
        raise AnnotationError(f'{ann_file}: a record holds something of the wrong kind ({error}).') from error


def read_json(path: str | Path) -> dict | list:
    """JSON, or JSON lines as a list.

    Raises:
        AnnotationError: Not there, or neither of the two.
    """
    try:
        text = Path(path).read_text(encoding='utf-8-sig')
    except FileNotFoundError:
        raise AnnotationError(f'{path} does not exist.') from None
    except UnicodeDecodeError as error:
        raise AnnotationError(f'{path} is not text: {error}.') from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == 'Extra data':  # a second record follows the first
            return _read_lines(path, text)
        raise AnnotationError(f'{path} is not JSON: {error}.') from None


def _read_lines(path: str | Path, text: str) -> list:
    records = []
    for number, line in enumerate(text.split('\n'), 1):
        try:
            records += [json.loads(line)] if line.strip() else []
        except json.JSONDecodeError as error:
            raise AnnotationError(f'{path}, line {number}, is not JSON: {error}.') from None
    return records


def record_keys(content: dict | list, part: str | None = None) -> set[str]:
    """Keys of the first record of a list, or of the list under ``part``; none where there is no such record."""
    if part is not None:
        content = content.get(part) if isinstance(content, dict) else None
    return set(content[0]) if isinstance(content, list) and content and isinstance(content[0], dict) else set()


def by_id(records: list[dict]) -> dict:
    """Records under their ids."""
    return {record['id']: record for record in records}


def objects_by_picture(content: dict) -> dict[int, list[dict]]:
    """A COCO file's objects under their pictures' ids; without crowds, and boxes that are empty or outside."""
    images = by_id(content['images'])
    objects: dict[int, list[dict]] = {}
    for ann in content['annotations']:
        if not ann.get('iscrowd') and not lies_outside(ann['bbox'], images[ann['image_id']]):
            objects.setdefault(ann['image_id'], []).append(ann)
    return objects


def require_known(ids: Collection, known: Collection, what: str) -> None:
    """Refuse records that name something which is not there.

    Raises:
        LookupError: ``record_errors`` adds the file.
    """
    unknown = [i for i in ids if i not in known]
    if unknown:
        raise LookupError(f'{len(unknown)} of {len(ids)} records name {what} that is not there (the first is '
                          f'{unknown[0]}). Do the files belong together?')


def of_split(samples: list[dict], split: str | Sequence[str] | None, ann_file: str) -> list[dict]:
    """Samples of the named splits; ``validation`` is another name for ``val``.

    Raises:
        AnnotationError: No split is named and the file has several, or no sample is in those named.
    """
    found = [_plain_split(sample.pop('split', None)) for sample in samples]
    there = sorted({name for name in found if name})
    if split is None and len(there) > 1:
        raise AnnotationError(f'{ann_file} holds the splits {", ".join(there)}. Say which to use: split=...')
    if split is None:
        return samples
    wanted = {_plain_split(name) for name in ([split] if isinstance(split, str) else split)}
    absent = sorted(wanted - set(there))
    if absent:
        raise AnnotationError(f'{ann_file} has no split {", ".join(absent)}; it has '
                              f'{", ".join(there) or "none at all: leave split out"}.')
    return [sample for sample, name in zip(samples, found) if name in wanted]


def _plain_split(name: str | None) -> str | None:
    return _SAME_SPLIT.get(name, name)


def without_faults(samples: list[dict], ann_file: str) -> list[dict]:
    """Samples without a ``fault``; faults and notes are counted in the log.

    Raises:
        AnnotationError: None is left.
    """
    faults, notes = _counted(samples, 'fault'), _counted(samples, 'note')
    left = [sample for sample in samples if sample.pop('fault', None) is None]
    if not left:
        raise AnnotationError(f'{ann_file} leaves no sample to use. ' + (' '.join(faults) or 'It is empty.'))
    for line in faults:
        print_log(f'{ann_file}: left out: {line}', 'current', level=logging.WARNING)
    for line in notes:
        print_log(f'{ann_file}: {line}', 'current', level=logging.WARNING)
    for sample in left:
        sample.pop('note', None)
    return left


def _counted(samples: list[dict], key: str) -> list[str]:
    """One line a reason: how many samples, why, and the first one's id."""
    found: dict[str, list] = {}
    for sample in samples:
        if sample.get(key) is not None:
            found.setdefault(sample[key], []).append(sample['img_id'])
    return [f'{len(ids)} of {len(samples)}, {reason} (the first is {ids[0]}).' for reason, ids in found.items()]


def one_line(text: str | None) -> str:
    """A text with single spaces, and none around it; what is not there is empty."""
    return ' '.join((text or '').split())


def holds_mark(*texts: str) -> bool:
    """Whether a text holds a token that means something to the model, such as ``<image>`` or ``<c3>``."""
    return any(mark in _RESERVED for text in texts for mark in re.findall(r'<[^<>\s]+>', text))


def fault_in_instruction(text: str, output_format: OutputFormat) -> str | None:
    """Why a text cannot stand in an instruction that asks for ``output_format``; None if it can."""
    if not text:
        return 'the text is empty'
    if holds_mark(text):
        return 'the text holds a mark that means something to the model, such as <image>'
    try:
        parse_format(f'{text} {output_format}')
    except InstructionError:
        return 'the text holds an output tuple, such as (c, x1, y1, x2, y2)'
    return None


def find_picture(folder: str, name: str) -> str | None:
    """Path of a picture under the file's name for it, or under COCO 2017's; None if it is not there."""
    plain = re.sub(r'^COCO_(train|val)2014_', '', os.path.basename(name))
    places = [name, plain, f'train2017/{plain}', f'val2017/{plain}']
    paths = [os.path.join(folder, place) for place in places]
    return next((path for path in paths if os.path.isfile(path)), None)


def picture_size(path: str) -> tuple[int, int]:
    """Height and width of a picture, upright, from its header.

    Raises:
        ImageError: Not there, or not a picture.
    """
    try:
        with Image.open(path) as file:
            width, height = file.size
            lies_on_its_side = file.getexif().get(_EXIF_ORIENTATION, 1) >= 5
    except OSError as error:
        raise ImageError(f'{path} is not a picture that can be read: {error}.') from None
    return (width, height) if lies_on_its_side else (height, width)

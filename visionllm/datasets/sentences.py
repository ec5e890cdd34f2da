"""Base of the datasets that pair images with text: referring expressions, captions and conversations.

A reader converts a file to samples without opening images. The ``file_name`` of a sample is the image's name in the
file, ``split`` (optional) its split, ``fault`` why it cannot be used, and ``note`` what was changed to use it. The base
class selects the split, skips samples with a fault, counts faults and notes in the log, and finds the image files.
"""

import logging
import os
import re
from collections.abc import Sequence
from itertools import chain

from mmdet.datasets import BaseDetDataset
from mmengine.logging import print_log

from visionllm.annotations.files import AnnotationError, record_errors
from visionllm.annotations.findings import Findings
from visionllm.annotations.image_files import SPELLING, find_names
from visionllm.annotations.images import image_size
from visionllm.errors import ConfigError
from visionllm.language import InstructionError, OutputFormat, parse_format
from visionllm.language.vocabulary import NEW_TOKENS

_RESERVED_TOKENS = {*NEW_TOKENS, '<class>', '<format>', '<question>'}
_SPLIT_ALIASES = {'validation': 'val'}


class SentenceDataset(BaseDetDataset):
    """Samples that ``read_samples`` reads from ``ann_file``, each with the path of its image.

    An image is also found under another spelling (``\\`` for ``/``, ``%20`` for a space, capitals), and under its COCO
    2017 name: ``COCO_train2014_000000000009.jpg`` as ``000000000009.jpg``, in the folder itself or in its ``train2017``
    or ``val2017``.

    Args:
        ann_file: Annotation file.
        data_root: Folder that ``ann_file`` and ``data_prefix`` are relative to.
        data_prefix: ``dict(img=FOLDER)``, the folder of the images.
        split: Name or names of splits; required if the file has several.
        missing: How to handle missing image files: ``error``, ``leave_out`` (skip their samples and count them in the
            log) or ``keep`` (use the text only; sizes that the file does not give stay None).
        pipeline: MMDetection transforms.
        test_mode: As in ``BaseDetDataset``.
        indices: As in ``BaseDetDataset``.
        instances_file: COCO file with objects of the same images, for formats without objects.

    Raises:
        AnnotationError: The file does not exist or has another format, no sample is left, or images are missing.
        ConfigError: ``missing`` has another value.
    """

    def __init__(self, ann_file: str, data_root: str = '', data_prefix: dict | None = None,
                 split: str | Sequence[str] | None = None, missing: str = 'error', pipeline: Sequence = (),
                 test_mode: bool = False, indices: int | Sequence[int] | None = None,
                 instances_file: str | None = None):
        if missing not in ('error', 'leave_out', 'keep'):
            raise ConfigError(f'missing must be "error", "leave_out" or "keep", not {missing!r}.')
        self.split, self.missing, self.instances_file = split, missing, instances_file
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=data_prefix or dict(img=''),
            pipeline=list(pipeline),
            test_mode=test_mode,
            indices=indices)

    def read_samples(self) -> list[dict]:
        """Read all samples, with ``file_name``, ``split``, ``fault`` and ``note`` as the module's docstring says."""
        raise NotImplementedError

    def load_data_list(self) -> list[dict]:
        """Read the samples of the split that have no fault, with ``img_path``."""
        with record_errors(self.ann_file):
            samples = self.read_samples()
        samples = select_split(samples, self.split, self.ann_file)
        samples = drop_faulty(samples, self.ann_file)
        return self._set_image_paths(samples)

    def get_data_info(self, idx: int) -> dict:
        """As in ``BaseDetDataset``; a size that the file does not give is read from the header of the image."""
        info = super().get_data_info(idx)
        if info.get('height') is None and self.missing != 'keep':
            info['height'], info['width'] = image_size(info['img_path'])
        return info

    def _set_image_paths(self, samples: list[dict]) -> list[dict]:
        folder = self.data_prefix['img']
        names = sorted({sample['file_name'] for sample in samples})
        found = find_images(folder, names, self.ann_file)
        absent = [name for name in names if found[name] is None]
        if absent and self.missing != 'keep':
            message = (f'{len(absent)} of the {len(names)} images of {self.ann_file} are not in '
                       f'{os.path.abspath(folder)} (the first is {absent[0]})')
            if self.missing == 'error' or len(absent) == len(names):
                raise AnnotationError(f'{message}. Set data_prefix=dict(img=FOLDER) of the dataset, or '
                                      'missing="leave_out" to use the images that exist.')
            print_log(f'{message}; their samples are skipped.', 'current', level=logging.WARNING)
            samples = [sample for sample in samples if found[sample['file_name']]]
        for sample in samples:
            name = sample.pop('file_name')
            sample['img_path'] = os.path.join(folder, found[name] or name)
        return samples


def select_split(samples: list[dict], split: str | Sequence[str] | None, ann_file: str) -> list[dict]:
    """Select the samples of one or several splits; ``validation`` is an alias of ``val``.

    Raises:
        AnnotationError: ``split`` is None and the file has several, or the file lacks a split.
    """
    splits = [_canonical_split(sample.pop('split', None)) for sample in samples]
    available = sorted({name for name in splits if name})
    if split is None and len(available) > 1:
        raise AnnotationError(f'{ann_file} holds the splits {", ".join(available)}. Say which to use: split=...')
    if split is None:
        return samples
    wanted = {_canonical_split(name) for name in ([split] if isinstance(split, str) else split)}
    absent = sorted(wanted - set(available))
    if absent:
        raise AnnotationError(f'{ann_file} has no split {", ".join(absent)}; it has '
                              f'{", ".join(available) or "none at all: leave split out"}.')
    return [sample for sample, name in zip(samples, splits) if name in wanted]


def _canonical_split(name: str | None) -> str | None:
    return _SPLIT_ALIASES.get(name, name)


def drop_faulty(samples: list[dict], ann_file: str) -> list[dict]:
    """Select the samples without a ``fault``, and count faults and notes in the log.

    Raises:
        AnnotationError: No sample is left.
    """
    faults, notes = _summarize(samples, 'fault'), _summarize(samples, 'note')
    left = [sample for sample in samples if sample.pop('fault', None) is None]
    if not left:
        raise AnnotationError(f'{ann_file} leaves no sample to use. ' + (' '.join(faults) or 'It is empty.'))
    for line in faults:
        print_log(f'{ann_file}: skipped: {line}', 'current', level=logging.WARNING)
    for line in notes:
        print_log(f'{ann_file}: {line}', 'current', level=logging.WARNING)
    for sample in left:
        sample.pop('note', None)
    return left


def _summarize(samples: list[dict], key: str) -> list[str]:
    """One line per reason: number of samples, reason, and the id of the first one."""
    groups: dict[str, list] = {}
    for sample in samples:
        if sample.get(key) is not None:
            groups.setdefault(sample[key], []).append(sample['img_id'])
    return [f'{len(ids)} of {len(samples)}, {reason} (the first is {ids[0]}).' for reason, ids in groups.items()]


def normalize_spaces(text: str | None) -> str:
    """Strip a text and collapse its white space to single spaces; None becomes the empty text."""
    return ' '.join((text or '').split())


def has_reserved_token(*texts: str) -> bool:
    """Whether any of the texts contains a reserved token of the model, such as ``<image>`` or ``<c3>``."""
    return any(token in _RESERVED_TOKENS for text in texts for token in re.findall(r'<[^<>\s]+>', text))


def fault_in_instruction(text: str, output_format: OutputFormat) -> str | None:
    """Why a text cannot be part of an instruction with this output format; None if it can."""
    if not text:
        return 'the text is empty'
    if has_reserved_token(text):
        return 'the text contains a reserved token such as <image>'
    try:
        parse_format(f'{text} {output_format}')
    except InstructionError:
        return 'the text contains an output tuple such as (c, x1, y1, x2, y2)'
    return None


def find_images(folder: str, names: Sequence[str], ann_file: str) -> dict[str, str | None]:
    """Image files by their name in an annotation file: under that name, its COCO 2017 name, or another spelling of one,
    which is counted in the log; None if there is none."""
    candidates = {name: [name, *_names_of_2017(name)] for name in names}
    spelled = find_names(chain.from_iterable(candidates.values()), folder)
    chosen = {name: next((each for each in candidates[name] if spelled[each]), None) for name in names}
    findings = Findings()
    findings.report(SPELLING, (name for name, each in chosen.items() if each and spelled[each] != each))
    findings.log_repairs(ann_file)
    return {name: spelled[each] if each else None for name, each in chosen.items()}


def _names_of_2017(name: str) -> list[str]:
    name_2017 = re.sub(r'^COCO_(train|val)2014_', '', os.path.basename(name.replace('\\', '/')))
    return [name_2017, f'train2017/{name_2017}', f'val2017/{name_2017}']

"""Documents of the web in which pictures and text alternate (MMC4, OBELICS), as in Flamingo's training."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from mmdet.registry import DATASETS
from mmengine.dataset import Compose
from mmengine.logging import print_log

from visionllm.annotations.files import AnnotationError
from visionllm.annotations.image_files import find_names
from visionllm.annotations.shards import Member, NamedBytes
from visionllm.errors import ConfigError
from visionllm.language.documents import fault_in_chunk_text, render_chunk

from .documents import DocumentDataset
from .interleaved_files import Picture, read_documents
from .sentences import drop_faulty, normalize_spaces

WORDING = '<image>(text)'


@DATASETS.register_module()
class InterleavedDataset(DocumentDataset):
    """One document an item: a list of packed samples, each a picture and the text behind it; learned is all text.

    Documents without a picture that has text behind it, and those whose text has a reserved token such as ``<image>``,
    are skipped and counted in the log. Longer ones than ``max_images`` are cut into several.

    Args:
        ann_file: JSON, JSON lines or tar shard of MMC4 or OBELICS (``interleaved_files``), a pattern such as
            ``shards/*.tar``, or several.
        data_root: Folder that ``ann_file`` and ``data_prefix`` are relative to.
        data_prefix: ``dict(img=FOLDER)``, the folder of images that are not in shards.
        missing: How to handle missing image files: ``error``, or ``leave_out`` their pictures and count them.
        pipeline: MMDetection transforms of each picture.
        max_images: Pictures of a document.
        max_words: Words behind a picture; the rest is left out.
        min_similarity: MMC4's pictures whose similarity to their text is below are left out.

    Raises:
        AnnotationError: A file does not exist or has another format, images are missing, or no document is left.
        ConfigError: ``missing`` has another value.
    """

    def __init__(self, ann_file: str | Sequence[str], pipeline: list, data_root: str = '',
                 data_prefix: dict | None = None, missing: str = 'error', max_images: int = 6, max_words: int = 256,
                 min_similarity: float = 0.0):
        if missing not in ('error', 'leave_out'):
            raise ConfigError(f'missing must be "error" or "leave_out", not {missing!r}.')
        self.pipeline, self.missing = Compose(pipeline), missing
        self.max_images, self.max_words = max_images, max_words
        self.folder = os.path.join(data_root, (data_prefix or dict(img=''))['img'])
        patterns = [ann_file] if isinstance(ann_file, str) else ann_file
        files = [file for pattern in patterns for file in expand_pattern(data_root, pattern)]
        documents = self._find_images(read_documents(files, min_similarity), ', '.join(patterns))
        samples = [self._sample(number, pieces) for number, pieces in enumerate(documents)]
        self.documents = [part for sample in drop_faulty(samples, ', '.join(patterns))
                          for part in cut(sample['chunks'], max_images)]

    def __len__(self) -> int:
        return len(self.documents)

    def __getitem__(self, index: int) -> list[dict]:
        """The packed samples of a document, the last one with ``turns``."""
        chunks, packed = self.documents[index], []
        for number, (before, picture, text) in enumerate(chunks):
            is_last = number + 1 == len(chunks)
            sample = dict(img_path=self._picture_file(picture), img_id=picture.name, text=(), instances=[],
                          instruction=before + (WORDING if is_last else render_chunk(WORDING, text)))
            packed.append(self.pipeline(sample | (dict(turns=(text, )) if is_last else {})))
            packed[-1]['data_samples'].set_metainfo(dict(img_path=str(sample['img_path'])))
        return packed

    def _find_images(self, documents: list[list[str | Picture]], ann_file: str) -> list[list[str | Picture]]:
        """The documents without pictures that do not exist."""
        names = {piece.name for pieces in documents for piece in pieces
                 if isinstance(piece, Picture) and piece.content is None}
        self.files = find_names(names, self.folder)
        absent = sorted(name for name, file in self.files.items() if file is None)
        if not absent:
            return documents
        message = (f'{len(absent)} of the {len(names)} images of {ann_file} are not in '
                   f'{os.path.abspath(self.folder)} (the first is {absent[0]})')
        if self.missing == 'error':
            raise AnnotationError(f'{message}. Set data_prefix=dict(img=FOLDER) of the dataset, or '
                                  'missing="leave_out" to use the images that exist.')
        print_log(f'{message}; they are left out.', 'current', level=logging.WARNING)
        absent = set(absent)
        return [[piece for piece in pieces if isinstance(piece, str) or piece.content or piece.name not in absent]
                for pieces in documents]

    def _picture_file(self, picture: Picture) -> str | NamedBytes:
        """What ``read_image`` reads of a picture: a path, or the content of a file in a shard."""
        if picture.content is None:
            return os.path.join(self.folder, self.files[picture.name])
        is_member = isinstance(picture.content, Member)
        content, name = (picture.content.read(), str(picture.content)) if is_member else (picture.content, picture.name)
        return NamedBytes(content, name)

    def _sample(self, number: int, pieces: list[str | Picture]) -> dict:
        chunks = to_chunks(pieces, self.max_words)
        fault = next(filter(None, (fault_in_chunk_text(text) for before, _, text in chunks for text in (before, text))),
                     None if chunks else 'there is no picture with text behind it')
        return dict(img_id=number, chunks=chunks, fault=fault)


def expand_pattern(data_root: str, pattern: str) -> list[str]:
    """The files of a pattern such as ``shards/*.tar``, sorted; a name without ``*`` is itself.

    Raises:
        AnnotationError: There is none.
    """
    if '*' not in pattern:
        return [os.path.join(data_root, pattern)]
    files = sorted(map(str, Path(data_root or '.').glob(pattern)))
    if not files:
        raise AnnotationError(f'There is no file {pattern} in {os.path.abspath(data_root)}.')
    return files


def to_chunks(pieces: list[str | Picture], max_words: int) -> list[tuple[str, Picture, str]]:
    """Text before, picture and text behind of each chunk. Pictures without text behind them, at the end of a document
    or before another picture, are left out.

    Args:
        pieces: Of a document.
        max_words: Words behind a picture.
    """
    before, chunks = [], []
    for piece in pieces:
        if isinstance(piece, Picture):
            chunks.append((piece, []))
        else:
            (chunks[-1][1] if chunks else before).append(normalize_spaces(piece))
    texts = [(picture, ' '.join(' '.join(filter(None, texts)).split(' ')[:max_words])) for picture, texts in chunks]
    texts = [(picture, text) for picture, text in texts if text]
    opening = ' '.join(filter(None, before))
    return [(opening if not number else '', picture, text) for number, (picture, text) in enumerate(texts)]


def cut(chunks: list, size: int) -> list[list]:
    """Parts of at most ``size`` chunks."""
    return [chunks[start:start + size] for start in range(0, len(chunks), size)]

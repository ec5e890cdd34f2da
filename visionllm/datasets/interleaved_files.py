"""Readers of documents of pictures and text: MMC4's and OBELICS' JSON, as files or in tar shards.

A document is read as pieces in their order: texts, and pictures by name.
"""

from base64 import b64decode
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

from visionllm.annotations.files import AnnotationError, read_json, record_errors
from visionllm.annotations.shards import Member, read_shard


@dataclass(frozen=True)
class Picture:
    """A picture of a document."""
    name: str
    content: Member | bytes | None = None  # None: a file in the folder of the images


def read_documents(paths: Sequence[str], min_similarity: float = 0.0) -> list[list[str | Picture]]:
    """The pieces of all documents of JSON files, JSON lines and tar shards.

    Args:
        paths: Files.
        min_similarity: MMC4's pictures whose ``matched_sim`` is below are left out.

    Raises:
        AnnotationError: A file does not exist, is damaged, or has a record of another format.
    """
    documents = []
    for path in paths:
        with record_errors(path):
            records = read_shard(path) if path.endswith('.tar') else [(each, {}) for each in read_json(path)]
            documents += [document_pieces(record, files, min_similarity) for record, files in records]
    return documents


def document_pieces(record: dict, files: dict[str, Member], min_similarity: float) -> list[str | Picture]:
    """The pieces of a document.

    Args:
        record: Of MMC4, ``text_list`` and ``image_info``; or of OBELICS, ``texts`` and ``images``, where one of a pair
            is None.
        files: Image files beside it in its shard.
        min_similarity: As of ``read_documents``.

    Raises:
        AnnotationError: It is neither, or its lists do not fit together.
        KeyError: A picture lacks a key (``record_errors`` adds the file name).
    """
    if 'text_list' in record:
        return _mmc4_pieces(record, files, min_similarity)
    if 'texts' in record and 'images' in record:
        return _obelics_pieces(record, files)
    raise AnnotationError(f'a record is no document: it has {", ".join(record) or "no keys"}, and neither MMC4\'s '
                          'text_list and image_info nor OBELICS\' texts and images.')


def _mmc4_pieces(record: dict, files: dict[str, Member], min_similarity: float) -> list[str | Picture]:
    texts, before = record['text_list'], defaultdict(list)
    for info in record['image_info']:
        index = info['matched_text_index']
        if not 0 <= index < len(texts):
            raise AnnotationError(f'the picture {info["image_name"]} belongs to text {index} of {len(texts)}.')
        if info.get('matched_sim', 1.0) >= min_similarity:
            content = b64decode(info['image_base64']) if 'image_base64' in info else None
            before[index].append(_picture(info['image_name'], files, content))
    return list(chain.from_iterable((*before[index], text) for index, text in enumerate(texts)))


def _obelics_pieces(record: dict, files: dict[str, Member]) -> list[str | Picture]:
    if len(record['texts']) != len(record['images']):
        raise AnnotationError(f'a document has {len(record["texts"])} texts and {len(record["images"])} images; they '
                              'are pairs, of which one is null.')
    pieces = []
    for text, image in zip(record['texts'], record['images']):
        if (text is None) == (image is None):
            raise AnnotationError(f'a document has the text {text!r} and the image {image!r} at one place; one of them '
                                  'must be null.')
        pieces.append(text if image is None else _picture(image, files))
    return pieces


def _picture(name: str, files: dict[str, Member], content: bytes | None = None) -> Picture:
    """A picture by its file name or address; in a shard its file is named after that."""
    name = Path(urlsplit(name).path).name if '://' in name else name
    return Picture(name, content or files.get(name))

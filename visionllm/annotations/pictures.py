"""Content hashes and perceptual hashes of many image files, read in parallel and remembered.

A perceptual hash changes little when an image is resized or compressed anew, so images whose hashes differ by a few
bits are near-duplicates.
"""

import hashlib
import logging
import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import imagehash
import orjson
from mmengine.logging import print_log
from PIL import Image
from tqdm import tqdm

from .images import ImageError, read_image

NEAR_BITS = 3  # of 64, in which the hashes of near-duplicates differ at most
_BANDS = NEAR_BITS + 1  # two hashes that differ in three bits agree in at least one of four parts


@dataclass(frozen=True)
class Picture:
    """What is remembered of an image file; ``fault`` says why it cannot be read, the others are empty then."""
    stamp: str  # size and time of the last change, by which it is known again
    content: str = ''  # SHA-256 of the file
    perceptual: str = ''  # 64 bits in hexadecimal
    height: int = 0
    width: int = 0
    fault: str = ''


def read_pictures(paths: Sequence[Path], cache: Path, show_progress: bool = True) -> list[Picture]:
    """Read image files that are not remembered.

    Args:
        paths: Image files.
        cache: File that remembers; it is written anew if any image was read.
        show_progress: Show a bar on the terminal.
    """
    known = _read_cache(cache)
    stamps = [_stamp(path) for path in paths]
    new = [path for path, stamp in zip(paths, stamps) if known.get(str(path.absolute()), {}).get('stamp') != stamp]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        read = list(tqdm(pool.map(_read_picture, new), 'images', len(new), disable=not show_progress or not new))
    known |= {str(path.absolute()): asdict(picture) for path, picture in zip(new, read)}
    if new:
        _write_cache(cache, known)
    return [Picture(**known[str(path.absolute())]) for path in paths]


def _read_cache(cache: Path) -> dict[str, dict]:
    try:
        return orjson.loads(cache.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}


def _write_cache(cache: Path, known: dict[str, dict]) -> None:
    temporary = cache.with_name(f'{cache.name}.{os.getpid()}')  # two processes may write at once
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(orjson.dumps(known))
        temporary.replace(cache)
    except OSError as error:  # a read-only home, or a full disk
        print_log(f'Images will be read again the next time: {cache} cannot be written ({error.strerror}). Set '
                  'VISIONLLM_CACHE to a folder that can.', 'current', level=logging.WARNING)


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return 'missing'
    return f'{status.st_size} {status.st_mtime_ns}'


def _read_picture(path: Path) -> Picture:
    try:
        image = read_image(path)
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    except (ImageError, OSError) as error:
        return Picture(_stamp(path), fault=str(error))
    return Picture(_stamp(path), content, str(imagehash.dhash(Image.fromarray(image))), *image.shape[:2])


def same_content(first: Sequence[Picture], second: Sequence[Picture]) -> list[tuple[int, int]]:
    """Pairs of indices of files with the same content, of two sets."""
    by_content = {picture.content: index for index, picture in enumerate(first) if picture.content}
    return [(by_content[picture.content], index) for index, picture in enumerate(second)
            if picture.content in by_content]


def near_duplicates(first: Sequence[Picture], second: Sequence[Picture]) -> list[tuple[int, int]]:
    """Pairs of indices of images of two sets that look the same, and are not the same file.

    Images of one colour, whose hash says nothing, are left out.
    """
    groups = defaultdict(lambda: ([], []))
    for side, pictures in enumerate((first, second)):
        for index, picture in enumerate(pictures):
            bits = int(picture.perceptual or '0', 16)
            if 8 <= bits.bit_count() <= 56:
                for band in range(_BANDS):
                    groups[band, bits >> (16 * band) & 0xffff][side].append((index, bits))
    pairs = {(i, j) for left, right in groups.values() for i, a in left for j, b in right
             if (a ^ b).bit_count() <= NEAR_BITS}
    return sorted((i, j) for i, j in pairs if first[i].content != second[j].content)

"""What a frozen part has computed of images."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b

import numpy as np


class ImageCache:
    """Least recently used cache by the pixels of an image, so that any augmentation is another image.

    Args:
        size: Number of images; 0 for none.
    """

    def __init__(self, size: int):
        self.size = size
        self.results: OrderedDict[bytes, object] = OrderedDict()

    def get_or_compute(self, images: list[np.ndarray], compute: Callable[[list[np.ndarray]], Sequence]) -> list:
        """Results for ``uint8[H, W, 3]`` images; those of new ones are computed in one batch."""
        keys = [blake2b(image.tobytes(), digest_size=16, person=str(image.shape[:2]).encode()[:16]).digest()
                for image in images]
        new = {key: image for key, image in zip(keys, images) if key not in self.results}
        found = {key: self.results[key] for key in keys if key not in new}
        if new:
            found |= zip(new, compute(list(new.values())))
        for key in keys:
            self.results[key] = found[key]
            self.results.move_to_end(key)
        while len(self.results) > self.size:
            self.results.popitem(last=False)
        return [found[key] for key in keys]

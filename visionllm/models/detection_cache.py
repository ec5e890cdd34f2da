"""Detections of images that a frozen detector has already seen."""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

import numpy as np

from visionllm.structures import Detections
from visionllm.structures.detections import pad_detections


class DetectionCache:
    """Least recently used cache by the pixels of an image, so that any augmentation is another image.

    Args:
        size: Number of images; 0 for none.
    """

    def __init__(self, size: int):
        self.size = size
        self.detections: OrderedDict[bytes, Detections] = OrderedDict()

    def get_or_detect(self, images: list[np.ndarray],
                      detect: Callable[[list[np.ndarray]], Detections]) -> Detections:
        """Detections ``float[B, M, ..]`` of ``uint8[H, W, 3]`` images; those of new ones are computed in one batch."""
        keys = [blake2b(image.tobytes(), digest_size=16, person=str(image.shape[:2]).encode()[:16]).digest()
                for image in images]
        new = {key: image for key, image in zip(keys, images) if key not in self.detections}
        found = {key: self.detections[key] for key in keys if key not in new}
        if new:
            batch = detect(list(new.values()))
            found |= {key: batch.select(b) for b, key in enumerate(new)}
        for key in keys:
            self.detections[key] = found[key]
            self.detections.move_to_end(key)
        while len(self.detections) > self.size:
            self.detections.popitem(last=False)
        return pad_detections([found[key] for key in keys])

"""A published detector as an ONNX graph: an image in, ``token_boxes``, ``class_logits`` and ``embeddings`` of its M
detections out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from onnx import ModelProto

DETECTIONS = ('token_boxes', 'class_logits', 'embeddings')


def resize_with_pillow(method: Image.Resampling) -> Callable[[NDArray, tuple[int, int]], NDArray]:
    """A function of ``uint8[H, W, 3]`` images, and width and height."""
    return lambda image, size: np.asarray(Image.fromarray(image).resize(size, method))


RESIZING = {  # how a picture is brought to the size that a graph takes, as the file names it
    'Pillow, bilinear': resize_with_pillow(Image.Resampling.BILINEAR),
    'Pillow, bicubic': resize_with_pillow(Image.Resampling.BICUBIC),
    'OpenCV, linear': cv2.resize,
    'OpenCV, linear exact': lambda image, size: cv2.resize(image, size, interpolation=cv2.INTER_LINEAR_EXACT),
}


@dataclass(frozen=True)
class DetectorGraph:
    """A detector's graph."""
    graph: 'ModelProto'
    size: tuple[int, int]  # H, W
    resizing: str  # one of RESIZING

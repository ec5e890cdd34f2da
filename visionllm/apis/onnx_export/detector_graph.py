"""A published detector for an ONNX graph: what of it is a graph already, and what is traced."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

if TYPE_CHECKING:
    from onnx import ModelProto


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
    """A detector from a resized image ``uint8[H, W, 3]`` to its M detections."""
    size: tuple[int, int]  # H, W
    resizing: str  # one of RESIZING
    last: nn.Module  # to boxes float[1, M, 4] cxcywh, class logits float[1, M, K] and embeddings float[1, M, C]
    example: dict[str, Tensor]  # inputs of ``last`` by name; ``image`` where nothing is before it
    dynamic: dict[str, dict[int, str]] = field(default_factory=dict)  # their axes of any length
    before: 'ModelProto | None' = None  # from ``image`` to these

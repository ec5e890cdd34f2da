"""An exported model, run by onnxruntime.

Dimensions: H x W of a picture, n answers.
"""

from ast import literal_eval
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from .detector_graph import RESIZING
from .vocabulary import Vocabulary


class ExportedModel:
    """A ``model.onnx`` with a vocabulary.

    Args:
        path: The file.
        vocabulary: Any that the same model has read.
    """

    def __init__(self, path: str | Path, vocabulary: Vocabulary):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self.session = onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
        described = self.session.get_modelmeta().custom_metadata_map
        height, width = literal_eval(described['imgsz'])
        self.size, self.resize = (width, height), RESIZING[described['resize']]
        self.vocabulary = vocabulary

    def __call__(self, image: NDArray[np.uint8]) -> tuple[NDArray, NDArray, NDArray]:
        """Boxes ``float[n, 4]`` (xyxy in pixels), scores ``float[n]`` and labels ``int[n]``, best first, of an RGB
        image ``uint8[H, W, 3]``."""
        resized = self.resize(np.ascontiguousarray(image), self.size)
        boxes, scores, labels = self.session.run(None, dict(image=resized) | self.vocabulary.inputs)
        return boxes * np.float32([*image.shape[1::-1]] * 2), scores, labels

"""Detectors that OpenCV's ``dnn`` module runs: TensorFlow's SSDs, which travel in packages.

Dimensions: B images, n reported detections, A anchors, K classes.
"""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh
from torch import Tensor

from visionllm.assets import resolve
from visionllm.errors import ConfigError
from visionllm.structures import Detections
from visionllm.structures.detections import group_by_box, log_odds

from .hashing import hash_files
from .label_sets import COCO_IDS
from .published import PublishedDetector

DETECTIONS = 'detection_out'  # layer of the reported detections


@MODELS.register_module()
class OpenCVDetector(PublishedDetector):
    """An SSD of TensorFlow's model zoo. An image token is an anchor that non-maximum suppression kept for at least one
    class; its embedding is the log-odds of all classes at that anchor.

    Args:
        source: Folder with a ``.pb`` and its ``.pbtxt``, or ``wheel:NAME`` (``visionllm.assets``).
        size: Width and height that images are resized to.
        label_set: As of ``PublishedDetector``.
        label_ids: Columns of the class scores that belong to these names.
        scores_layer: Layer of the class scores of all anchors, ``float[A, columns]``.

    Raises:
        ConfigError: The folder does not hold one ``.pb`` and one ``.pbtxt`` that OpenCV can read.
    """

    def __init__(self, source: str, size: tuple[int, int] = (300, 300), label_set: str | list[str] = 'coco',
                 label_ids: tuple[int, ...] = COCO_IDS, scores_layer: str = 'ClassPredictor/concat/sigmoid'):
        super().__init__(source, label_set)
        self.check_names(len(label_ids))
        self.size, self.label_ids, self.scores_layer = tuple(size), list(label_ids), scores_layer
        self.files = find_files(source)
        try:
            self.net = cv2.dnn.readNetFromTensorflow(*map(str, self.files))
        except cv2.error as error:
            raise ConfigError(f'{source} is no network that OpenCV can read: {error.err}.') from None
        self.embed_dims = len(self.class_names)

    def detect(self, image: np.ndarray) -> Detections:
        """Detections of one ``uint8[H, W, 3]`` RGB image."""
        self.net.setInput(cv2.dnn.blobFromImage(image, size=self.size))
        reported, scores = self.net.forward([DETECTIONS, self.scores_layer])
        reported = reported[0, 0]  # [n, 7]: image, label, score, x1, y1, x2, y2 in [0, 1]
        reported = reported[reported[:, 2] > 0]
        scores = scores.reshape(-1, max(self.label_ids) + 1)  # [A, columns]
        return anchor_tokens(torch.from_numpy(reported[:, 1:].copy()), torch.from_numpy(scores.copy()), self.label_ids)

    def compute_hash(self) -> str:
        """SHA-256 of both files."""
        return hash_files(self.files)


def anchor_tokens(reported: Tensor, scores: Tensor, label_ids: list[int]) -> Detections:
    """Reported detections of one image, joined where they are of one anchor.

    The network reports boxes and scores of single classes, not anchors: detections of one anchor have one box, and the
    anchor is the one with exactly their scores.

    Args:
        reported: ``float[n, 6]``: label, score and x1, y1, x2, y2 in [0, 1].
        scores: ``float[A, columns]`` of all classes at all anchors.
        label_ids: Columns of the K classes.
    """
    scores = scores[:, label_ids]  # [A, K]
    column = {label: k for k, label in enumerate(label_ids)}
    reported = reported[[int(label) in column for label in reported[:, 0].tolist()]]
    labels = torch.tensor([column[int(label)] for label in reported[:, 0].tolist()], dtype=torch.long)
    kept, boxes = reported[:, 1], bbox_xyxy_to_cxcywh(reported[:, 2:])
    detections = group_by_box(boxes, kept, labels, len(label_ids))
    if len(reported) == 0:
        return detections
    group = (boxes[:, None] == detections.boxes).all(-1).int().argmax(-1)  # [n]
    difference = scores.new_zeros(len(scores), detections.boxes.shape[1])  # [A, M]
    difference.index_add_(1, group, (scores[:, labels] - kept).abs())
    anchors = difference.argmin(0)  # [M]
    return replace(detections, embeddings=log_odds(scores[anchors])[None])


def find_files(source: str) -> tuple[Path, Path]:
    """The ``.pb`` and the ``.pbtxt`` of a folder.

    Raises:
        ConfigError: It does not hold one of each.
    """
    folder = Path(resolve(source)).expanduser()
    weights, graphs = sorted(folder.glob('*.pb')), sorted(folder.glob('*.pbtxt'))
    if len(weights) != 1 or len(graphs) != 1:
        raise ConfigError(f'{source} is no folder with one .pb and one .pbtxt file; it holds '
                          f'{", ".join(path.name for path in weights + graphs) or "neither"}.')
    return weights[0], graphs[0]

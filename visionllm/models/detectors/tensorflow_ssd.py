"""TensorFlow's SSDs, which travel in packages, run by PyTorch.

Dimensions: B images, H x W of one, A anchors, M of them with a detection, L columns of class scores, K classes, n pairs
of class and anchor.
"""

from pathlib import Path

import cv2
import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh
from torch import Tensor, nn

from visionllm.assets import resolve
from visionllm.errors import ConfigError
from visionllm.structures import Detections, TextFeatures
from visionllm.structures.detections import log_odds, pad_detections

from ..freezing import exclude_frozen_parameters
from .hashing import hash_files
from .label_sets import COCO_IDS
from .published import PublishedDetector
from .ssd_network import Anchors
from .tensorflow_graph import Graph

IMAGES_AT_ONCE = 4  # two cores share them; glibc gives maps of more (over 32 MB) back to the system each time


@MODELS.register_module()
class TensorFlowSSD(PublishedDetector):
    """An SSD of TensorFlow's model zoo. An image token is an anchor that non-maximum suppression kept for at least one
    class; its embedding is the log-odds of all classes at that anchor.

    Args:
        source: Folder with a ``.pb`` and its ``.pbtxt`` for OpenCV, or ``wheel:NAME`` (``visionllm.assets``).
        size: Width and height that images are resized to.
        label_set: As of ``PublishedDetector``.
        label_ids: Columns of the class scores that belong to these names.

    Raises:
        ConfigError: The folder does not hold one ``.pb`` and one ``.pbtxt`` of an SSD.
    """

    def __init__(self, source: str, size: tuple[int, int] = (300, 300), label_set: str | list[str] = 'coco',
                 label_ids: tuple[int, ...] = COCO_IDS):
        super().__init__(source, label_set)
        self.check_names(len(label_ids))
        self.size, self.files = tuple(size), find_files(source)
        self.anchors = Anchors(Graph(*self.files), self.size)
        self.detections = AnchorDetections(list(label_ids), self.anchors.keep)
        self.embed_dims = len(self.class_names)
        exclude_frozen_parameters(self.anchors)

    def forward(self, images: list[np.ndarray], text: TextFeatures | None = None) -> Detections:
        """Detections of ``uint8[H, W, 3]`` RGB images; ``text`` is unused."""
        resized = torch.from_numpy(np.stack([cv2.resize(image, self.size) for image in images]))
        found = []
        for part in resized.to(self.anchors.anchors.device).split(IMAGES_AT_ONCE):
            found += map(self._select, *self.anchors(part))
        return pad_detections(found)

    def _select(self, corners: Tensor, scores: Tensor) -> Detections:
        """Of one image, for what ``Anchors`` says of it."""
        likely = self.anchors.min_score < scores.T
        likely[self.anchors.background] = False
        crowded = likely.sum(1) > self.anchors.top_k
        if crowded.any():  # of the others top_k has all
            likely[crowded] &= self.anchors.are_best(scores.T[crowded])
        columns, anchors = torch.nonzero(likely, as_tuple=True)
        boxes = corners[anchors]
        boxes = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)  # [n, 4] xywh
        kept = cv2.dnn.NMSBoxesBatched(*(each.cpu().numpy() for each in (
            boxes.double(), scores[anchors, columns], columns.int())), 0.0, self.anchors.max_overlap)
        selected = torch.stack([torch.zeros_like(columns), columns, anchors], 1)[np.array(kept, dtype=np.int64)]
        found = self.detections(corners[None], scores, selected)
        count = max(1, len(selected[:, 2][:self.anchors.keep].unique()))
        return Detections(*(each[:, :count] for each in found))

    def compute_hash(self) -> str:
        """SHA-256 of both files."""
        return hash_files(self.files)


class AnchorDetections(nn.Module):
    """Detections of the anchors that non-maximum suppression selected, the best first, as tensors of one shape: behind
    them are anchors of which nothing was selected, with an empty box and the smallest scores.

    Args:
        label_ids: Columns of the K classes.
        keep: At most that many pairs of class and anchor, the best.
    """

    def __init__(self, label_ids: list[int], keep: int):
        super().__init__()
        self.label_ids, self.keep = label_ids, keep

    def forward(self, anchor_boxes: Tensor, anchor_scores: Tensor, selected: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes ``float[1, keep, 4]`` cxcywh, class logits and embeddings ``float[1, keep, K]``.

        Args:
            anchor_boxes: ``float[1, A, 4]``, xyxy.
            anchor_scores: ``float[A, L]``.
            selected: ``int[n, 3]``: 0, column and anchor.
        """
        columns, anchors = selected[:, 1], selected[:, 2]
        best, order = anchor_scores[anchors, columns].sort(descending=True)
        index = (anchors * anchor_scores.shape[1] + columns)[order[:self.keep]]
        reported = torch.zeros_like(anchor_scores).flatten().scatter(0, index, best[:self.keep]).view_as(anchor_scores)
        reported = reported[:, self.label_ids]
        best, kept = reported.amax(1).topk(min(self.keep, len(reported)))
        boxes = bbox_xyxy_to_cxcywh(anchor_boxes[0, kept]) * (best > 0)[:, None]
        return boxes[None], log_odds(reported[kept])[None], log_odds(anchor_scores[kept][:, self.label_ids])[None]


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

"""SSDs that OpenCV runs as ONNX graphs: the network, ONNX's non-maximum suppression, and the anchors that it kept.

Dimensions: H x W of the image, A anchors, L columns of class scores, n selected pairs of class and anchor, K classes.
"""

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh
from torch import Tensor, nn

from visionllm.models.detectors import OpenCVDetector
from visionllm.models.detectors.opencv import DETECTIONS as REPORTED
from visionllm.structures.detections import log_odds

from .detector_graph import DetectorGraph
from .graphs import OPSET, chain, module_graph
from .opencv_layers import OpenCVLayers, read_nodes

if TYPE_CHECKING:
    from onnx import ModelProto

ANCHORS = ('corners', 'class_scores', 'candidates')


class Anchors(nn.Module):
    """What an SSD says of its anchors.

    Args:
        detector: Its network's node ``detection_out`` has boxes, class scores and anchors as inputs.
    """

    def __init__(self, detector: OpenCVDetector):
        super().__init__()
        nodes = read_nodes(detector.files[1])
        node = nodes[REPORTED]
        boxes, scores, priors = node.inputs
        net = cv2.dnn.readNetFromTensorflow(*map(str, detector.files))  # the detector's own keeps what it has seen
        self.layers = OpenCVLayers(net, nodes, (boxes, scores), detector.size)
        anchors = torch.from_numpy(net.forward(priors).copy()).view(2, -1, 4)
        self.register_buffer('anchors', bbox_xyxy_to_cxcywh(anchors[0]))
        self.register_buffer('variances', anchors[1])
        self.background, self.top_k = int(node.number('background_label_id')), int(node.number('top_k'))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``corners`` ``float[1, A, 4]`` xyxy in [0, 1], ``class_scores`` ``float[A, L]``, and ``candidates``
        ``float[1, L, A]``, the ``top_k`` best scores of each class but the background, and 0.

        Args:
            image: ``uint8[H, W, 3]``.
        """
        encoded, scores = self.layers(image.permute(2, 0, 1)[None].float())
        encoded = encoded.view(-1, 4) * self.variances
        centers = self.anchors[:, :2] + encoded[:, :2] * self.anchors[:, 2:]
        halves = encoded[:, 2:].exp() * self.anchors[:, 2:] / 2
        scores = scores.view(len(self.anchors), -1)
        by_class = scores.T
        worst = by_class.topk(min(self.top_k, len(scores))).values[:, -1:]
        candidates = torch.where(by_class >= worst, by_class, 0)
        kept = torch.arange(len(candidates)) != self.background
        return torch.cat([centers - halves, centers + halves], 1)[None], scores, (candidates * kept[:, None])[None]


class AnchorDetections(nn.Module):
    """``anchor_tokens`` of what non-maximum suppression selected, as tensors of one shape: an anchor of which nothing
    was selected has an empty box and the smallest scores.

    Args:
        label_ids: Columns of the K classes.
        keep: At most that many pairs of class and anchor, the best.
    """

    def __init__(self, label_ids: list[int], keep: int):
        super().__init__()
        self.label_ids, self.keep = label_ids, keep

    def forward(self, anchor_boxes: Tensor, anchor_scores: Tensor, selected: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes ``float[1, A, 4]`` cxcywh, class logits and embeddings ``float[1, A, K]``.

        Args:
            anchor_boxes, anchor_scores: ``corners`` and ``class_scores`` of ``Anchors``.
            selected: ``int[n, 3]``: 0, column and anchor.
        """
        columns, anchors = selected[:, 1], selected[:, 2]
        best, order = anchor_scores[anchors, columns].sort(descending=True)
        index = (anchors * anchor_scores.shape[1] + columns)[order[:self.keep]]
        reported = torch.zeros_like(anchor_scores).flatten().scatter(0, index, best[:self.keep]).view_as(anchor_scores)
        reported = reported[:, self.label_ids]
        boxes = bbox_xyxy_to_cxcywh(anchor_boxes[0]) * (reported > 0).any(1, keepdim=True)
        return boxes[None], log_odds(reported)[None], log_odds(anchor_scores[:, self.label_ids])[None]


def opencv_graph(detector: OpenCVDetector) -> DetectorGraph:
    """Of an SSD."""
    width, height = detector.size
    node = read_nodes(detector.files[1])[REPORTED]
    anchors = Anchors(detector).eval()
    image = torch.zeros(height, width, 3, dtype=torch.uint8)
    network = module_graph(anchors, dict(image=image), ANCHORS)
    with torch.no_grad():
        corners, scores, _ = anchors(image)
    selection = suppression(corners.shape[1], scores.shape[1], int(node.number('top_k')), node.number('nms_threshold'),
                            node.number('confidence_threshold'))
    example = dict(anchor_boxes=corners, anchor_scores=scores, selected=torch.tensor([[0, 1, 2], [0, 3, 4], [0, 5, 6]]))
    last = AnchorDetections(detector.label_ids, int(node.number('keep_top_k')))
    return DetectorGraph((height, width), 'OpenCV, linear', last, example, dict(selected={0: 'selected'}),
                         chain(network, selection, dict(zip(ANCHORS, ANCHORS))))


def suppression(anchors: int, columns: int, top_k: int, overlap: float, min_score: float) -> 'ModelProto':
    """Graph of ``NonMaxSuppression`` within each class: ``corners`` and ``candidates`` to ``selected``, and the others
    as ``anchor_boxes`` and ``anchor_scores``.

    Args:
        anchors, columns: A and L.
        top_k: At most that many of each class.
        overlap: Largest IoU of two that are kept.
        min_score: Smallest score.
    """
    from onnx import TensorProto, helper
    limits = dict(most=np.int64([top_k]), overlap=np.float32([overlap]), least=np.float32([min_score]))
    shapes = dict(corners=[1, anchors, 4], class_scores=[anchors, columns], candidates=[1, columns, anchors])
    outputs = dict(anchor_boxes=shapes['corners'], anchor_scores=shapes['class_scores'])
    graph = helper.make_graph(
        [helper.make_node('NonMaxSuppression', ['corners', 'candidates', *limits], ['selected']),
         *(helper.make_node('Identity', [each], [name]) for each, name in zip(ANCHORS, outputs))], 'suppression',
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [helper.make_tensor_value_info('selected', TensorProto.INT64, ['selected', 3]),
         *(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items())],
        initializer=[helper.make_tensor(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape, value)
                     for name, value in limits.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)])

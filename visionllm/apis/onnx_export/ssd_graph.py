"""TensorFlow's SSDs as ONNX graphs: the network, ONNX's non-maximum suppression, and the anchors that it kept.

Dimensions: H x W of the image, A anchors, L columns of class scores.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from visionllm.models.detectors import TensorFlowSSD
from visionllm.models.detectors.ssd_network import Anchors

from .detector_graph import DetectorGraph
from .graphs import OPSET, chain, module_graph

if TYPE_CHECKING:
    from onnx import ModelProto

ANCHORS = ('corners', 'class_scores', 'candidates')


class AnchorsOfImage(nn.Module):
    """What an SSD says of the anchors of one image."""

    def __init__(self, anchors: Anchors):
        super().__init__()
        self.anchors = anchors

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``corners`` ``float[1, A, 4]`` xyxy in [0, 1], ``class_scores`` ``float[A, L]`` and ``candidates``
        ``float[1, L, A]`` of an image ``uint8[H, W, 3]``."""
        corners, scores = self.anchors(image[None])
        return corners, scores[0], self.anchors.candidates(scores[0].T)[None]


def ssd_graph(detector: TensorFlowSSD) -> DetectorGraph:
    """Of an SSD."""
    width, height = detector.size
    anchors = AnchorsOfImage(detector.anchors).eval()
    image = torch.zeros(height, width, 3, dtype=torch.uint8)
    network = module_graph(anchors, dict(image=image), ANCHORS)
    with torch.no_grad():
        corners, scores, _ = anchors(image)
    selection = suppression(detector.anchors, *scores.shape)
    example = dict(anchor_boxes=corners, anchor_scores=scores, selected=torch.tensor([[0, 1, 2], [0, 3, 4], [0, 5, 6]]))
    return DetectorGraph((height, width), 'OpenCV, linear', detector.detections, example,
                         dict(selected={0: 'selected'}), chain(network, selection, dict(zip(ANCHORS, ANCHORS))))


def suppression(settings: Anchors, anchors: int, columns: int) -> 'ModelProto':
    """Graph of ``NonMaxSuppression`` within each class: ``corners`` and ``candidates`` to ``selected``, and the others
    as ``anchor_boxes`` and ``anchor_scores``.

    Args:
        settings: How much is kept.
        anchors, columns: A and L.
    """
    from onnx import TensorProto, helper
    limits = dict(most=np.int64([settings.top_k]), overlap=np.float32([settings.max_overlap]),
                  least=np.float32([settings.min_score]))
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

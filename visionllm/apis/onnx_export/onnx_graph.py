"""Detectors in ONNX files between their pre-processing and what makes detections of their outputs.

Dimensions: H x W of the image, n reported detections, K classes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh
from numpy.typing import NDArray
from torch import Tensor, nn

from visionllm.models.detectors import OnnxDetector
from visionllm.models.detectors.onnx import REPORTED
from visionllm.structures.detections import log_odds

from .detector_graph import DetectorGraph
from .graphs import OPSET, chain, module_graph
from .vocabulary import ExportError

if TYPE_CHECKING:
    from onnx import ModelProto

FOUND = 'found_'  # what a model answers has the same names as what its detector reports


class Pixels(nn.Module):
    """The image as the file takes it."""

    def __init__(self, detector: OnnxDetector):
        super().__init__()
        for name in ('mean', 'std'):
            self.register_buffer(name, torch.from_numpy(getattr(detector, name)).expand(3).clone())

    def forward(self, image: Tensor) -> Tensor:
        """Pixels ``float[1, 3, H, W]`` of ``uint8[H, W, 3]``."""
        return ((image.float() - self.mean) / self.std).permute(2, 0, 1)[None]


class ReportedDetections(nn.Module):
    """``group_by_box`` as tensors of one shape: a box that was there before has no size and the smallest scores.

    Args:
        size: Width and height of the image.
        num_classes: K.
    """

    def __init__(self, size: tuple[int, int], num_classes: int):
        super().__init__()
        self.size, self.num_classes = size, num_classes

    def forward(self, labels: Tensor, boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes, class logits and embeddings of reported labels ``int[1, n]``, boxes ``float[1, n, 4]`` xyxy in pixels
        and scores ``float[1, n]``."""
        places = bbox_xyxy_to_cxcywh(boxes[0] / torch.tensor([*self.size, *self.size]))
        same = (places[:, None] == places).all(-1)  # [n, n]
        is_first = ~(same & torch.ones_like(same).tril(-1)).any(1)
        of_class = labels[0, :, None] == torch.arange(self.num_classes)  # [n, K]
        table = same.float() @ torch.where(of_class, scores[0, :, None], 0.0)
        logits = log_odds(torch.where(is_first[:, None], table, 0.0))[None]
        return (places * is_first[:, None])[None], logits, logits


class QueryDetections(nn.Module):
    """Queries are detections as they are."""

    def forward(self, logits: Tensor, pred_boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes, class logits and embeddings, of class logits ``float[1, n, K]`` and boxes ``float[1, n, 4]``."""
        return pred_boxes, logits, logits


def onnx_graph(detector: OnnxDetector) -> DetectorGraph:
    """Of a detector in an ONNX file.

    Raises:
        ExportError: The file is of a version of ONNX that cannot be converted.
    """
    width, height = detector.size
    name = detector.image_input.name
    image = torch.zeros(height, width, 3, dtype=torch.uint8)
    pixels = Pixels(detector).eval()
    first = module_graph(pixels, dict(image=image), ['pixels'])
    sizes = {each: np.int64([[width, height]]) for each in detector.size_inputs}
    found = detector.session.run(None, {name: pixels(image).numpy()} | sizes)
    outputs = dict(zip(detector.outputs, map(torch.from_numpy, found)))
    if detector.outputs_hold(REPORTED):
        last, inputs = ReportedDetections(detector.size, len(detector.class_names)), ('labels', 'boxes', 'scores')
    else:
        last, inputs = QueryDetections(), ('logits', 'pred_boxes')
    before = chain(first, published_graph(detector.source, sizes, inputs), dict(pixels=name))
    example = {FOUND + each: outputs[each] for each in inputs}
    return DetectorGraph((height, width), 'OpenCV, linear exact', last, example, before=before)


def published_graph(source: str, constants: dict[str, NDArray], outputs: Sequence[str]) -> 'ModelProto':
    """The graph of a file, in the version of ONNX that the others have, with ``FOUND`` before the names of its outputs.

    Args:
        source: Path of the file.
        constants: Inputs that are always the same.
        outputs: Those that are needed.

    Raises:
        ExportError: It cannot be converted.
    """
    import onnx
    from onnx import helper, numpy_helper, version_converter
    model = onnx.load(source)
    inputs = [each for each in model.graph.input if each.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    found = {each.name: each for each in model.graph.output}
    del model.graph.output[:]
    for name in outputs:
        model.graph.node.append(helper.make_node('Identity', [name], [FOUND + name]))
        model.graph.output.add().CopyFrom(found[name])
        model.graph.output[-1].name = FOUND + name
    try:
        return version_converter.convert_version(model, OPSET)
    except RuntimeError as error:
        raise ExportError(f'{source} cannot be converted to opset {OPSET} of ONNX: {error}') from None

"""Published detectors for ONNX graphs.

Dimensions: H x W of the image that the graph takes, M detections, K classes, C channels.
"""

import torch
from torch import Tensor, nn

from visionllm.models.detectors import OnnxDetector, PublishedDetector, TensorFlowSSD, TransformersDetector

from .detector_graph import DetectorGraph
from .onnx_graph import onnx_graph
from .ssd_graph import ssd_graph
from .vocabulary import ExportError

RESAMPLING = {2: 'Pillow, bilinear', 3: 'Pillow, bicubic'}


class TransformersImage(nn.Module):
    """A detector of transformers with its image processor.

    Args:
        detector: Whose processor resizes to one size, and does not pad.
    """

    def __init__(self, detector: TransformersDetector):
        super().__init__()
        processor = detector.processor
        self.detector, self.columns = detector.detector, detector.columns
        self.class_logits = detector._class_logits
        mean, std = (processor.image_mean, processor.image_std) if processor.do_normalize else ([0] * 3, [1] * 3)
        self.register_buffer('mean', torch.tensor(mean, dtype=torch.float32)[:, None, None])
        self.register_buffer('std', torch.tensor(std, dtype=torch.float32)[:, None, None])
        self.factor = processor.rescale_factor if processor.do_rescale else 1.0

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes ``float[1, M, 4]``, class logits ``float[1, M, K]`` and states ``float[1, M, C]`` of an image
        ``uint8[H, W, 3]``."""
        pixels = (image.permute(2, 0, 1).float() * self.factor - self.mean) / self.std
        found = self.detector(pixel_values=pixels[None])
        return found.pred_boxes, self.class_logits(found.logits), found.last_hidden_state


def transformers_graph(detector: TransformersDetector) -> DetectorGraph:
    """Of a detector of transformers.

    Raises:
        ExportError: It has no fixed size of image, or cannot be exported.
    """
    size, resample = detector.processor.size, detector.processor.resample
    if resample not in RESAMPLING:
        raise ExportError(f'{detector.source} resizes images by method {resample} of Pillow; only '
                          f'{" and ".join(map(str, RESAMPLING))} are exported.')
    if not size.get('height') or not size.get('width') or getattr(detector.processor, 'do_pad', False):
        raise ExportError(f'{detector.source} keeps the aspect ratio of images and pads them: only detectors with '
                          'images of one size are exported.')
    height, width = size['height'], size['width']
    return DetectorGraph((height, width), RESAMPLING[resample], TransformersImage(detector),
                         dict(image=torch.zeros(height, width, 3, dtype=torch.uint8)))


GRAPHS = {OnnxDetector: onnx_graph, TensorFlowSSD: ssd_graph, TransformersDetector: transformers_graph}


def detector_graph(detector: PublishedDetector) -> DetectorGraph:
    """Of any detector that can be exported.

    Raises:
        ExportError: It is of a kind that cannot.
    """
    if type(detector) not in GRAPHS:
        raise ExportError(f'{type(detector).__name__} cannot be exported to ONNX; '
                          f'{", ".join(kind.__name__ for kind in GRAPHS)} can.')
    return GRAPHS[type(detector)](detector)

"""Detectors in ONNX files, run by onnxruntime.

Dimensions: B images, n reported detections or M queries, K classes.
"""

from pathlib import Path

import cv2
import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh

from visionllm.errors import UserError
from visionllm.structures import Detections
from visionllm.structures.detections import group_by_box

from .hashing import hash_files
from .published import PublishedDetector

REPORTED = {'labels', 'boxes', 'scores'}  # of exports of the RT-DETR family, after their own post-processing
QUERIES = {'logits', 'pred_boxes'}  # of exports of transformers


class OnnxError(UserError, ValueError):
    """An ONNX file that is no detector of a known kind."""


@MODELS.register_module()
class OnnxDetector(PublishedDetector):
    """Outputs ``labels``, ``boxes``, ``scores`` (xyxy in pixels, one class each), or ``logits`` and ``pred_boxes``.

    Args:
        source: Path of the file.
        label_set: As of ``PublishedDetector``.
        mean, std: Of the normalization of RGB values in [0, 255]; the default only divides by 255.
        size: Width and height that images are resized to, where the file leaves that open.

    Raises:
        OnnxError: The file cannot be read, or has other inputs or outputs.
    """

    def __init__(self, source: str, label_set: str | list[str] = 'coco', mean: tuple[float, ...] = (0, 0, 0),
                 std: tuple[float, ...] = (255, 255, 255), size: tuple[int, int] = (640, 640)):
        super().__init__(source, label_set)
        self.session = _open_session(source)
        self.outputs = [output.name for output in self.session.get_outputs()]
        if not any(self.outputs_hold(names) for names in (REPORTED, QUERIES)):
            raise OnnxError(f'{source} has the outputs {", ".join(self.outputs)}; expected labels, boxes and scores, '
                            'or logits and pred_boxes.')
        inputs = self.session.get_inputs()
        if len(inputs) not in (1, 2) or len(inputs[0].shape) != 4:
            raise OnnxError(f'{source} has the inputs {", ".join(f"{each.name} {each.shape}" for each in inputs)}; '
                            'expected an image [1, 3, H, W], and its width and height or nothing else.')
        self.image_input, self.size_inputs = inputs[0], [each.name for each in inputs[1:]]
        height, width = self.image_input.shape[2:]
        self.size = (width, height) if isinstance(width, int) and isinstance(height, int) else tuple(size)
        self.mean, self.std = np.float32(mean), np.float32(std)
        self.embed_dims = len(self.class_names)

    def detect(self, image: np.ndarray) -> Detections:
        """Detections of one ``uint8[H, W, 3]`` RGB image."""
        height, width = image.shape[:2]
        resized = cv2.resize(image, self.size, interpolation=cv2.INTER_LINEAR_EXACT)
        pixels = ((resized - self.mean) / self.std).transpose(2, 0, 1)[None]
        inputs = {self.image_input.name: pixels} | {name: np.array([[width, height]]) for name in self.size_inputs}
        outputs = dict(zip(self.outputs, map(torch.from_numpy, self.session.run(None, inputs))))
        if self.outputs_hold(REPORTED):
            boxes = bbox_xyxy_to_cxcywh(outputs['boxes'][0] / torch.tensor([width, height] * 2))
            labels = outputs['labels'][0].long()
            self.check_labels(labels)
            return group_by_box(boxes, outputs['scores'][0], labels, len(self.class_names))
        logits = outputs['logits']
        self.check_names(logits.shape[-1])
        return Detections(outputs['pred_boxes'], logits, logits)

    def outputs_hold(self, names: set[str]) -> bool:
        """Whether the file has all of these outputs."""
        return names.issubset(self.outputs)

    def compute_hash(self) -> str:
        """SHA-256 of the file."""
        return hash_files([self.source])


def _open_session(path: str):
    """An inference session of onnxruntime."""
    try:
        import onnxruntime
    except ImportError:
        raise OnnxError('Detectors in ONNX files need onnxruntime: `pip install onnxruntime`.') from None
    if not Path(path).is_file():
        raise FileNotFoundError(2, 'there is no such ONNX file', path)
    try:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        return onnxruntime.InferenceSession(path, options, providers=onnxruntime.get_available_providers())
    except Exception as error:  # onnxruntime has an exception class for every kind of failure
        raise OnnxError(f'{path} is no ONNX model that onnxruntime can run: {str(error).splitlines()[0]}') from None

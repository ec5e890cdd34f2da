"""A published detector as an ONNX graph: an image in, ``token_boxes``, ``class_logits`` and ``embeddings`` of its M
detections out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto

DETECTIONS = ('token_boxes', 'class_logits', 'embeddings')


@dataclass(frozen=True)
class DetectorGraph:
    """A detector's graph, and how a picture is brought to the size that it takes."""
    graph: 'ModelProto'
    size: tuple[int, int]  # H, W
    resize: str  # the call that does it as the model does

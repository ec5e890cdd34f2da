import cv2
import pytest
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy

from visionllm.structures import Detections


@pytest.fixture
def photographs(data):
    """Two photographs, RGB."""
    paths = [data / f'coco-mini/val2017/{name}.jpg' for name in ('000000005001', '000000018575')]
    return [cv2.imread(str(path))[..., ::-1].copy() for path in paths]


def flatten(detections: Detections, count: int):
    """Scores, labels and xyxy boxes in [0, 1] of the best pairs of token and class of an image, best first."""
    scores, pairs = detections.class_logits[0].sigmoid().flatten().topk(count)
    tokens, labels = pairs // detections.class_logits.shape[-1], pairs % detections.class_logits.shape[-1]
    return scores, labels, bbox_cxcywh_to_xyxy(detections.boxes[0])[tokens]

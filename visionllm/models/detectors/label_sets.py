"""Class names of detectors whose files do not hold them."""

from collections.abc import Sequence

from visionllm.errors import ConfigError

COCO = (
    'person', 'bicycle', 'car', 'motorcycle', 'airplane', 'bus', 'train', 'truck', 'boat', 'traffic light',
    'fire hydrant', 'stop sign', 'parking meter', 'bench', 'bird', 'cat', 'dog', 'horse', 'sheep', 'cow', 'elephant',
    'bear', 'zebra', 'giraffe', 'backpack', 'umbrella', 'handbag', 'tie', 'suitcase', 'frisbee', 'skis', 'snowboard',
    'sports ball', 'kite', 'baseball bat', 'baseball glove', 'skateboard', 'surfboard', 'tennis racket', 'bottle',
    'wine glass', 'cup', 'fork', 'knife', 'spoon', 'bowl', 'banana', 'apple', 'sandwich', 'orange', 'broccoli',
    'carrot', 'hot dog', 'pizza', 'donut', 'cake', 'chair', 'couch', 'potted plant', 'bed', 'dining table', 'toilet',
    'tv', 'laptop', 'mouse', 'remote', 'keyboard', 'cell phone', 'microwave', 'oven', 'toaster', 'sink',
    'refrigerator', 'book', 'clock', 'vase', 'scissors', 'teddy bear', 'hair drier', 'toothbrush')
# ids in [1, 90] that COCO never used; TensorFlow's detectors score all ids
UNUSED_COCO_IDS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
COCO_IDS = tuple(k for k in range(1, 91) if k not in UNUSED_COCO_IDS)

LABEL_SETS = {'coco': COCO}


def read_label_set(label_set: str | Sequence[str]) -> tuple[str, ...]:
    """The class names of a set, or a list of names as it is.

    Raises:
        ConfigError: There is no such set.
    """
    if not isinstance(label_set, str):
        return tuple(label_set)
    if label_set not in LABEL_SETS:
        raise ConfigError(f'There is no label set {label_set!r}; expected one of {", ".join(LABEL_SETS)}, or a list of '
                          'class names.')
    return LABEL_SETS[label_set]

"""Class names of detectors whose files do not hold them."""

from collections.abc import Sequence

from mmdet.datasets import CocoDataset

from visionllm.errors import ConfigError

COCO = tuple(CocoDataset.METAINFO['classes'])
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

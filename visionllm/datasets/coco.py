"""Any COCO-format folder, refused where MMDetection would train on nothing in silence."""

import logging

from mmdet.datasets import CocoDataset
from mmdet.datasets.api_wrappers import COCO
from mmdet.registry import DATASETS
from mmengine.logging import print_log
from pycocotools import mask as mask_utils

from visionllm.structures.polygons import rings_of_mask


class AnnotationError(ValueError):
    """An annotation file that cannot be used, and why."""


@DATASETS.register_module()
class InstructionCocoDataset(CocoDataset):
    """``CocoDataset`` whose samples carry their class names (``text``), for instructions to be written from.

    Takes ``CocoDataset``'s arguments. Boxes that lie outside their picture are left out and counted in the log. Masks
    become polygons; where an object's outline has fewer than three points its box stands in, counted as well.

    Raises:
        AnnotationError: No category of the file is one of the config's, or no picture is left.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, return_classes=True, **kwargs)

    def filter_data(self) -> list[dict]:
        """As in ``CocoDataset``; an empty result is an error."""
        left = super().filter_data()
        if not left:
            raise AnnotationError(f'{self.ann_file} leaves no picture to use: it is empty, or filter_cfg '
                                  f'({self.filter_cfg}) removes every one.')
        return left

    def load_data_list(self) -> list[dict]:
        """Pictures and boxes, after a look at the categories."""
        coco = COCO(self.ann_file)
        self.check_categories(coco.dataset.get('categories', []))
        outside = sum(lies_outside(ann['bbox'], coco.imgs[ann['image_id']]) for ann in coco.anns.values())
        count = len(coco.anns)
        del coco  # loaded once more below, and LVIS's takes gigabytes
        if outside:
            print_log(f'{self.ann_file}: {outside} of {count} boxes are empty or outside their picture and are left '
                      'out.', 'current', level=logging.WARNING)
        self._without_outline = 0
        samples = super().load_data_list()
        if self._without_outline:
            print_log(f'{self.ann_file}: {self._without_outline} of {count} objects have no outline of three points; '
                      'their box stands in.', 'current', level=logging.WARNING)
        return samples

    def check_categories(self, there: list[dict]) -> None:
        """Refuse a file none of whose categories is one of the config's classes."""
        names, wanted = [category['name'] for category in there], list(self.metainfo['classes'])
        if not set(names) & set(wanted):
            raise AnnotationError(f'No category of {self.ann_file} is one of the config\'s classes, so nothing could '
                                  f'be learned. The file has: {", ".join(names) or "none"}. The config has: '
                                  f'{", ".join(wanted)}. Set metainfo=dict(classes=...) of the dataset.')

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """As in ``CocoDataset``, with outlines as lists of rings."""
        image = raw_data_info['raw_img_info']
        for ann in raw_data_info['raw_ann_info']:
            if ann.get('iscrowd') or 'segmentation' not in ann:
                continue
            parts = outline_parts(ann['segmentation'], image['height'], image['width'])
            self._without_outline += not parts
            ann['segmentation'] = parts or [box_ring(ann['bbox'])]
        return super().parse_data_info(raw_data_info)


def outline_parts(segmentation: list | dict, height: int, width: int) -> list[list[float]]:
    """COCO's polygons, or its run lengths as polygons: ``[x1, y1, x2, y2, ...]`` each, of three points or more."""
    if isinstance(segmentation, dict):
        runs = segmentation['counts']
        rle = mask_utils.frPyObjects(segmentation, height, width) if isinstance(runs, list) else segmentation
        return [ring.ravel().tolist() for ring in rings_of_mask(mask_utils.decode(rle))]
    return [part for part in segmentation if len(part) >= 6]


def box_ring(box: list[float]) -> list[float]:
    """The corners of a box ``(x, y, width, height)``, as one of COCO's polygons."""
    x, y, width, height = box
    return [x, y, x + width, y, x + width, y + height, x, y + height]


def lies_outside(box: list[float], image: dict) -> bool:
    """Whether a box ``(x, y, width, height)`` is empty, or has no part in an image of that ``width`` and ``height``."""
    x, y, width, height = box
    across = min(x + width, image['width']) - max(x, 0)
    down = min(y + height, image['height']) - max(y, 0)
    return not (across > 0 and down > 0 and width >= 1 and height >= 1)  # a box of NaN is outside, too

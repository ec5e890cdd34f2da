"""COCO-format instance annotations, with errors where MMDetection would silently train on nothing."""

import logging
from collections.abc import Sequence

from mmdet.datasets import CocoDataset
from mmdet.datasets.api_wrappers import COCO
from mmdet.registry import DATASETS
from mmengine.logging import print_log
from pycocotools import mask as mask_utils

from visionllm.errors import UserError
from visionllm.structures.polygons import mask_to_contours


class AnnotationError(UserError, ValueError):
    """An annotation file cannot be used; the message says why."""


@DATASETS.register_module()
class InstructionCocoDataset(CocoDataset):
    """``CocoDataset`` whose samples carry their class names (``text``), of which instructions are written.

    The classes are those of the config that the file lists among its categories, in the file's order: what the file
    does not list was not looked for, and an instruction that named it would teach that it is absent. Boxes that are
    empty or outside their image are skipped and counted in the log. Masks are converted to polygons; an object whose
    mask gives no polygon of three points is represented by its box, which is counted as well.

    Args:
        *args, **kwargs: As in ``CocoDataset``; ``return_classes`` is always set.
        labelled_names: Classes that were looked for in every image, where the file lists more; others are dropped with
            their objects. None for all that the file lists.
        with_masks_only: Leave out images in which no object has a mask. In the others an object without one is ignored
            where masks are loaded: it is neither an object nor background.

    Raises:
        AnnotationError: No category of the file is among the configured classes, one of ``labelled_names`` is not a
            class of both, or no image is left.
    """

    def __init__(self, *args, labelled_names: Sequence[str] | None = None, with_masks_only: bool = False, **kwargs):
        self.labelled_names, self.with_masks_only = labelled_names, with_masks_only
        super().__init__(*args, return_classes=True, **kwargs)

    def filter_data(self) -> list[dict]:
        """As in ``CocoDataset``; an empty result is an error."""
        samples = super().filter_data()
        if self.with_masks_only:
            samples = [sample for sample in samples if any(each.get('mask') for each in sample['instances'])]
        if not samples:
            masks = ' or with_masks_only' if self.with_masks_only else ''
            raise AnnotationError(f'{self.ann_file} leaves no image to use: it is empty, or filter_cfg '
                                  f'({self.filter_cfg}){masks} removes every one.')
        return samples

    def load_data_list(self) -> list[dict]:
        """As in ``CocoDataset``, after a check of the categories and boxes."""
        coco = read_coco(self.ann_file)
        categories = coco.dataset.get('categories', [])
        self.check_categories(categories)
        self.select_classes(categories)
        outside = sum(is_outside_image(ann['bbox'], coco.imgs[ann['image_id']]) for ann in coco.anns.values())
        count = len(coco.anns)
        del coco  # CocoDataset loads the file again, and LVIS's takes gigabytes
        if outside:
            print_log(f'{self.ann_file}: {outside} of {count} boxes are empty or outside their image and are skipped.',
                      'current', level=logging.WARNING)
        self._num_without_polygon = self._num_without_mask = 0
        samples = super().load_data_list()
        if 0 < self._num_without_mask < count:
            print_log(f'{self.ann_file}: {self._num_without_mask} of {count} objects have no mask; they are ignored '
                      'where masks are loaded.', 'current', level=logging.WARNING)
        if self._num_without_polygon:
            print_log(f'{self.ann_file}: {self._num_without_polygon} of {count} objects have no polygon of three '
                      'points; their box is used.', 'current', level=logging.WARNING)
        return samples

    def check_categories(self, categories: list[dict]) -> None:
        """Check the categories of the file.

        Args:
            categories: COCO category records.

        Raises:
            AnnotationError: No category is among the configured classes.
        """
        names, wanted = [category['name'] for category in categories], list(self.metainfo['classes'])
        if not set(names) & set(wanted):
            raise AnnotationError(f'No category of {self.ann_file} is one of the config\'s classes, so nothing could '
                                  f'be learned. The file has: {", ".join(names) or "none"}. The config has: '
                                  f'{", ".join(wanted)}. Set metainfo=dict(classes=...) of the dataset.')

    def select_classes(self, categories: list[dict]) -> None:
        """Reduce the classes (``metainfo``) to those that were looked for, in the order of the file.

        ``CocoDataset`` numbers labels by the file's categories, so that names in another order, or names that the file
        lacks, would give objects the names of other classes.

        Args:
            categories: COCO category records.

        Raises:
            AnnotationError: One of ``labelled_names`` is no category of the file, or no class of the config.
        """
        configured = list(self.metainfo['classes'])
        known = [category['name'] for category in categories if category['name'] in configured]
        wanted = known if self.labelled_names is None else self.labelled_names
        unknown = [name for name in wanted if name not in known]
        if unknown or not wanted:
            raise AnnotationError(f'labelled_names of {self.ann_file} names {", ".join(unknown) or "nothing"}; the '
                                  f'classes of both the file and the config are: {", ".join(known)}.')
        names = [name for name in known if name in wanted]
        if len(names) < len(configured):
            print_log(f'{self.ann_file} is labelled with {len(names)} of the {len(configured)} classes; instructions '
                      'for its images name no others.', 'current', level=logging.WARNING)
        palette = self._metainfo.get('palette') or ()
        if len(palette) == len(configured):
            self._metainfo['palette'] = [palette[configured.index(name)] for name in names]
        self._metainfo['classes'] = tuple(names)

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """As in ``CocoDataset``, with all masks as lists of polygons."""
        image = raw_data_info['raw_img_info']
        for ann in raw_data_info['raw_ann_info']:
            if ann.get('iscrowd') or 'segmentation' not in ann:
                continue
            polygons = segmentation_to_polygons(ann['segmentation'], image['height'], image['width'])
            self._num_without_polygon += not polygons
            ann['segmentation'] = polygons or [box_to_polygon(ann['bbox'])]
        sample = super().parse_data_info(raw_data_info)
        for instance in sample['instances']:
            self._num_without_mask += 'mask' not in instance
            instance.setdefault('mask', [])  # LoadAnnotations marks it as ignored
        return sample


def read_coco(path: str) -> COCO:
    """The index of an annotation file.

    Raises:
        AnnotationError: It does not exist, or is not JSON.
    """
    try:
        return COCO(path)
    except FileNotFoundError:
        raise AnnotationError(f'{path} does not exist.') from None
    except ValueError as error:  # of JSON, or of its encoding
        raise AnnotationError(f'{path} is not JSON: {error}. Is it complete?') from None


def annotations_by_image(content: dict) -> dict[int, list[dict]]:
    """All annotations of a COCO file by image id, crowds included; an empty list for an image without any."""
    found: dict[int, list[dict]] = {image['id']: [] for image in content['images']}
    for annotation in content['annotations']:
        found[annotation['image_id']].append(annotation)
    return found


def segmentation_to_polygons(segmentation: list | dict, height: int, width: int) -> list[list[float]]:
    """Convert a COCO segmentation to polygons.

    Args:
        segmentation: List of polygons, or an RLE, compressed or not.
        height: Image height in pixels.
        width: Image width in pixels.

    Returns:
        Polygons ``[x1, y1, x2, y2, ...]`` of three points or more, in pixels.
    """
    if isinstance(segmentation, dict):
        counts = segmentation['counts']
        rle = mask_utils.frPyObjects(segmentation, height, width) if isinstance(counts, list) else segmentation
        return [contour.ravel().tolist() for contour in mask_to_contours(mask_utils.decode(rle))]
    return [polygon for polygon in segmentation if len(polygon) >= 6]


def box_to_polygon(box: list[float]) -> list[float]:
    """The corners of a box ``(x, y, width, height)`` as a COCO polygon ``[x1, y1, x2, y2, ...]``."""
    x, y, width, height = box
    return [x, y, x + width, y, x + width, y + height, x, y + height]


def is_outside_image(box: list[float], image: dict) -> bool:
    """Whether a box is empty or does not overlap its image.

    Args:
        box: ``(x, y, width, height)`` in pixels.
        image: COCO image record with ``width`` and ``height``.
    """
    x, y, width, height = box
    overlap_x = min(x + width, image['width']) - max(x, 0)
    overlap_y = min(y + height, image['height']) - max(y, 0)
    # negated, so that a box with NaN counts as outside as well
    return not (overlap_x > 0 and overlap_y > 0 and width >= 1 and height >= 1)

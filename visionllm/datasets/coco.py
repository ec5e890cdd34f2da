"""COCO-format instance annotations, with errors where MMDetection would silently train on nothing."""

import logging
from collections.abc import Sequence

from mmdet.datasets import CocoDataset
from mmdet.registry import DATASETS
from mmengine.logging import print_log

from visionllm.annotations import AnnotationError, CheckedCOCO
from visionllm.annotations.coco_masks import box_to_polygon, segmentation_to_polygons


@DATASETS.register_module()
class InstructionCocoDataset(CocoDataset):
    """``CocoDataset`` whose samples carry their class names (``text``), of which instructions are written.

    The classes are those of the config (``metainfo``) that the file lists among its categories, in the file's order:
    what the file does not list was not looked for, and an instruction that named it would teach that it is absent. A
    config that names no classes has all that the file lists. Boxes that are empty or outside their image are skipped
    and counted in the log. Masks are converted to polygons; an object whose
    mask gives no polygon of three points is represented by its box, which is counted as well.

    Args:
        *args, **kwargs: As in ``CocoDataset``; ``return_classes`` is always set.
        labelled_names: Classes that were looked for in every image, where the file lists more; others are dropped with
            their objects. None for all that the file lists.
        with_masks_only: Leave out images in which no object has a mask. In the others an object without one is ignored
            where masks are loaded: it is neither an object nor background.

    Raises:
        AnnotationError: The file has a fault (``read_coco_file``), no category of it is among the configured classes,
            one of ``labelled_names`` is not a class of both, or no image is left.
    """

    INDEX = CheckedCOCO

    def __init__(self, *args: object, metainfo: dict | None = None, labelled_names: Sequence[str] | None = None,
                 with_masks_only: bool = False, **kwargs: object):
        self.labelled_names, self.with_masks_only = labelled_names, with_masks_only
        self._names_classes = 'classes' in (metainfo or {}) or type(self).METAINFO is not CocoDataset.METAINFO
        super().__init__(*args, metainfo=metainfo, return_classes=True, **kwargs)

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
        """As in ``CocoDataset``, after a check of the file, its categories and its images."""
        coco = self.INDEX(self.ann_file, self.data_prefix.get('img', ''))
        self.COCOAPI = lambda _: coco  # by which CocoDataset would read the file once more
        if not self._names_classes:
            self._metainfo['classes'] = tuple(category['name'] for category in coco.dataset['categories'])
        self.check_categories(coco.dataset['categories'])
        self.select_classes(coco.dataset['categories'])
        count = len(coco.anns)
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

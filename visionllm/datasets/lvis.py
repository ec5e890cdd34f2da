"""LVIS v1: 1,203 classes with federated annotations, so that each image is exhaustively annotated for a few only."""

from collections.abc import Sequence

from mmdet.datasets import LVISV1Dataset
from mmdet.registry import DATASETS

from visionllm.annotations import AnnotationError

from .coco import CheckedCOCO, InstructionCocoDataset


def readable_names(names: Sequence[str]) -> tuple[str, ...]:
    """Class names with spaces for underscores: "bus (vehicle)"."""
    return tuple(name.replace('_', ' ') for name in names)


LVIS_NAMES = readable_names(LVISV1Dataset.METAINFO['classes'])


class SortedCategoriesCOCO(CheckedCOCO):
    """``CheckedCOCO`` that returns all categories in the order of their ids, not those of given names.

    MMDetection spells one class of LVIS differently from the published files. Looked up by name, it would not be found
    and the labels of all classes after it would shift.
    """

    def get_cat_ids(self, cat_names: tuple = (), sup_names: tuple = (), cat_ids: tuple = ()) -> list[int]:
        """Ids of all categories, ascending; the arguments are ignored."""
        return sorted(self.cats)


@DATASETS.register_module()
class LvisInstructionDataset(InstructionCocoDataset):
    """LVIS annotation files, with the class names of which instructions are written.

    The file name of an image is the last two parts of its ``coco_url``, such as ``train2017/000000391895.jpg``. A
    sample's ``text`` has the class names with spaces; its ``verified_names`` those that are exhaustively annotated in
    the image: classes with annotations and negative classes (``neg_category_ids``), without
    ``not_exhaustive_category_ids``.

    Args:
        *args, **kwargs: As in ``InstructionCocoDataset``.

    Raises:
        AnnotationError: The categories of the file, sorted by id, are not the configured classes.
    """

    METAINFO = LVISV1Dataset.METAINFO
    INDEX = SortedCategoriesCOCO

    def load_data_list(self) -> list[dict]:
        """As in ``InstructionCocoDataset``; the class names are stored once, not with every sample."""
        self.class_names = readable_names(self.metainfo['classes'])
        return super().load_data_list()

    def check_categories(self, categories: list[dict]) -> None:
        """Check the categories of the file.

        Args:
            categories: COCO category records.

        Raises:
            AnnotationError: Their number or order differs from the configured classes.
        """
        names = [category['name'] for category in sorted(categories, key=lambda category: category['id'])]
        wanted = list(self.metainfo['classes'])
        moved = [name for index, name in enumerate(names) if name in wanted and wanted.index(name) != index]
        if len(names) != len(wanted) or moved:
            raise AnnotationError(f'{self.ann_file} has {len(names)} categories and the config {len(wanted)} classes'
                                  + (f', with {moved[0]} at another index' if moved else '') +
                                  '. Set metainfo=dict(classes=...) of the dataset to the names in the order of their '
                                  'ids.')
        super().check_categories(categories)

    def select_classes(self, categories: list[dict]) -> None:
        """Keep all classes: which of them were looked for is known image by image, from ``verified_names``.

        Args:
            categories: COCO category records.

        Raises:
            AnnotationError: ``labelled_names`` is given.
        """
        if self.labelled_names is not None:
            raise AnnotationError(f'{self.ann_file} says image by image which classes were looked for; remove '
                                  'labelled_names.')

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """As in ``InstructionCocoDataset``, with the labels of ``verified_names``."""
        image = raw_data_info['raw_img_info']
        info = super().parse_data_info(raw_data_info)
        del info['text']
        positive = {ann['category_id'] for ann in raw_data_info['raw_ann_info']}
        verified = (positive | {*image['neg_category_ids']}) - {*image['not_exhaustive_category_ids']}
        return info | dict(verified_names=sorted(self.cat2label[category] for category in verified))

    def get_data_info(self, idx: int) -> dict:
        """As in ``InstructionCocoDataset``, with ``text`` and the names of ``verified_names``."""
        info = super().get_data_info(idx)
        names = self.class_names
        return info | dict(text=names, verified_names=[names[label] for label in info['verified_names']])

"""MMDetection's index of a COCO file, of checked content."""

from mmdet.datasets.api_wrappers import COCO

from .coco_file import read_coco_file


class CheckedCOCO(COCO):
    """MMDetection's index of an annotation file, whose content ``read_coco_file`` has checked.

    Args:
        annotation_file: Path.
        folder: As of ``read_coco_file``.
    """

    def __init__(self, annotation_file: str, folder: str | None = None):
        super().__init__()
        self.dataset = read_coco_file(annotation_file, folder)
        if any(ann['id'] <= 0 for ann in self.dataset['annotations']):
            for number, ann in enumerate(self.dataset['annotations'], 1):
                ann['id'] = number  # pycocotools takes a match with the id 0 for none
        self.createIndex()
        self.img_ann_map, self.cat_img_map = self.imgToAnns, self.catToImgs

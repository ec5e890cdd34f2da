"""LVIS v1: 1,203 classes, of which each picture was searched for a few (federated annotations)."""

from collections.abc import Sequence

from mmdet.datasets import LVISV1Dataset
from mmdet.datasets.api_wrappers import COCO
from mmdet.registry import DATASETS

from .coco import AnnotationError, InstructionCocoDataset


def as_words(names: Sequence[str]) -> tuple[str, ...]:
    """Class names as people write them: "bus (vehicle)"."""
    return tuple(name.replace('_', ' ') for name in names)


LVIS_NAMES = as_words(LVISV1Dataset.METAINFO['classes'])


class CocoInOrder(COCO):
    """Categories are told apart by the order of their ids: MMDetection's list spells a name of LVIS's another way, and
    a name that is not found would move all that follow it."""

    def get_cat_ids(self, cat_names: tuple = (), sup_names: tuple = (), cat_ids: tuple = ()) -> list[int]:
        """All of them, whatever is asked for."""
        return sorted(self.cats)


@DATASETS.register_module()
class LvisInstructionDataset(InstructionCocoDataset):
    """LVIS's annotation files, for instructions to be written from.

    Takes ``InstructionCocoDataset``'s arguments. Pictures are looked for under the last two parts of their
    ``coco_url``, such as ``train2017/000000391895.jpg``. A sample's ``text`` has the names as words, its ``checked``
    those whose objects are all marked: names that have objects here, and those known to have none, without those that
    are not marked exhaustively. Of all others nobody knows.

    Raises:
        AnnotationError: The file's categories are not the config's classes, in the order of their ids.
    """

    METAINFO = LVISV1Dataset.METAINFO
    COCOAPI = CocoInOrder

    def load_data_list(self) -> list[dict]:
        """Pictures and boxes; the names, which all samples share, are kept once."""
        self.words = as_words(self.metainfo['classes'])
        return super().load_data_list()

    def check_categories(self, there: list[dict]) -> None:
        """Refuse a file whose categories are others, or in another order."""
        names = [category['name'] for category in sorted(there, key=lambda category: category['id'])]
        wanted = list(self.metainfo['classes'])
        moved = [name for place, name in enumerate(names) if name in wanted and wanted.index(name) != place]
        if len(names) != len(wanted) or moved:
            raise AnnotationError(f'{self.ann_file} has {len(names)} categories and the config {len(wanted)} classes'
                                  + (f', with {moved[0]} at another place' if moved else '') +
                                  '. Set metainfo=dict(classes=...) of the dataset to the names in the order of their '
                                  'ids.')
        super().check_categories(there)

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """As in ``InstructionCocoDataset``, with the labels of the names that were ``checked``."""
        image = raw_data_info['raw_img_info']
        image['file_name'] = '/'.join(image['coco_url'].split('/')[-2:])
        info = super().parse_data_info(raw_data_info)
        del info['text']
        marked = {ann['category_id'] for ann in raw_data_info['raw_ann_info']}
        checked = (marked | {*image['neg_category_ids']}) - {*image['not_exhaustive_category_ids']}
        return info | dict(checked=sorted(self.cat2label[category] for category in checked))

    def get_data_info(self, idx: int) -> dict:
        """A sample, with names."""
        info = super().get_data_info(idx)
        return info | dict(text=self.words, checked=[self.words[label] for label in info['checked']])

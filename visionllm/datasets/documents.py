"""Documents of pictures and text (``visionllm.language.documents``) as datasets: a document is a list of samples.

``document_collate`` puts the samples of documents behind one another, as the model reads them.
"""

from itertools import chain

from mmengine.dataset import pseudo_collate
from mmengine.registry import FUNCTIONS
from torch.utils.data import Dataset


class DocumentDataset(Dataset):
    """Dataset of documents, with what MMEngine's ``ConcatDataset`` asks of its parts."""

    metainfo: dict = {}

    def full_init(self) -> None:
        """Nothing: a dataset is complete when it is built."""


@FUNCTIONS.register_module()
def document_collate(data_batch: list[list[dict]]) -> dict:
    """Collate documents, each a list of samples packed by ``PackInstructionInputs``."""
    return pseudo_collate(list(chain.from_iterable(data_batch)))

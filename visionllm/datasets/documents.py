"""Documents of pictures and text (``visionllm.language.documents``) as datasets: a document is a list of samples.

``document_collate`` puts the samples of documents behind one another, as the model reads them.
"""

from itertools import chain

from mmengine.dataset import pseudo_collate
from mmengine.registry import FUNCTIONS


@FUNCTIONS.register_module()
def document_collate(data_batch: list[list[dict]]) -> dict:
    """Collate documents, each a list of samples packed by ``PackInstructionInputs``."""
    return pseudo_collate(list(chain.from_iterable(data_batch)))

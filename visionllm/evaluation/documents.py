"""Evaluation of documents of pictures and text: only the last sample of each is an answer."""

from collections.abc import Sequence

from mmdet.registry import EVALUATOR
from mmengine.evaluator import Evaluator
from mmengine.structures import BaseDataElement

from visionllm.language.documents import parse_chunk


@EVALUATOR.register_module()
class DocumentEvaluator(Evaluator):
    """Evaluator that passes the samples of open chunks to its metrics, as ``AnswerMetric`` or ``CaptionMetric``.

    Args:
        metrics: Configs of metrics.
    """

    def process(self, data_samples: Sequence[BaseDataElement], data_batch: dict | None = None) -> None:
        """Pass the answered samples of a batch to the metrics.

        Args:
            data_samples: Samples with predictions.
            data_batch: The batch as loaded.
        """
        super().process([sample for sample in data_samples if parse_chunk(sample.instruction).is_open], data_batch)

"""Evaluator that passes each sample to the metric of its task, so that one test run covers all tasks."""

from collections.abc import Sequence

import torch
from mmdet.registry import EVALUATOR
from mmengine.dist import all_reduce
from mmengine.evaluator import Evaluator
from mmengine.structures import BaseDataElement

from visionllm.errors import ConfigError


@EVALUATOR.register_module()
class TaskEvaluator(Evaluator):
    """Evaluator with one metric per task; a sample's ``task`` (metainfo) selects the metric.

    Args:
        metrics: Configs of metrics by the name of the task.
    """

    def __init__(self, metrics: dict[str, dict]):
        super().__init__(list(metrics.values()))
        self.tasks = list(metrics)

    def process(self, data_samples: Sequence[BaseDataElement], data_batch: dict | None = None) -> None:
        """Pass the samples of a batch to the metrics of their tasks.

        Args:
            data_samples: Samples with predictions.
            data_batch: The batch as loaded.

        Raises:
            ConfigError: There is no metric for a sample's task.
        """
        for sample in data_samples:
            if sample.get('task') not in self.tasks:
                raise ConfigError(f'A sample has the task {sample.get("task")!r} and the evaluator has metrics for '
                                  f'{", ".join(self.tasks)}. Name the task in the test pipeline: '
                                  'dict(type=\'PackInstructionInputs\', task=...).')
        for task, metric in zip(self.tasks, self.metrics):
            members = [sample.to_dict() for sample in data_samples if sample.task == task]
            if members:
                metric.process(data_batch, members)

    def evaluate(self, size: int) -> dict:
        """Compute the metrics of all tasks.

        Args:
            size: Number of samples of all tasks together.

        Raises:
            ConfigError: There are more results than samples, because the sampler padded the data set to give all
                processes the same number of samples.
        """
        num_results = torch.tensor(sum(len(metric.results) for metric in self.metrics))
        all_reduce(num_results)
        if num_results > size:
            raise ConfigError(f'{int(num_results)} samples were evaluated and there are {size}. Set round_up=False in '
                              'the sampler of the test dataloader.')
        metrics = {}
        for metric in self.metrics:
            metrics |= metric.evaluate(size)
        return metrics

"""Each sample to the metrics of its task, so that one test run measures one model on all it can do."""

from collections.abc import Sequence

import torch
from mmdet.registry import EVALUATOR
from mmengine.dist import all_reduce
from mmengine.evaluator import Evaluator
from mmengine.structures import BaseDataElement


@EVALUATOR.register_module()
class TaskEvaluator(Evaluator):
    """Metrics by task. A sample's ``task`` (metainfo) says which judge it.

    Args:
        metrics: Configs of metrics, one a task, by the task's name.
    """

    def __init__(self, metrics: dict[str, dict]):
        super().__init__(list(metrics.values()))
        self.tasks = list(metrics)

    def process(self, data_samples: Sequence[BaseDataElement], data_batch: dict | None = None) -> None:
        """Give a batch's samples to the metrics of their tasks.

        Raises:
            ValueError: No metric is for a sample's task.
        """
        for sample in data_samples:
            if sample.get('task') not in self.tasks:
                raise ValueError(f'A sample is for the task {sample.get("task")!r} and the evaluator has metrics for '
                                 f'{", ".join(self.tasks)}. Name the task in the test pipeline: '
                                 'dict(type=\'PackInstructionInputs\', task=...).')
        for task, metric in zip(self.tasks, self.metrics):
            members = [sample.to_dict() for sample in data_samples if sample.task == task]
            if members:
                metric.process(data_batch, members)

    def evaluate(self, size: int) -> dict:
        """Figures of all tasks.

        Args:
            size: Number of samples of all tasks together.

        Raises:
            ValueError: More samples were answered than there are: several processes had to be given equally many.
        """
        answered = torch.tensor(sum(len(metric.results) for metric in self.metrics))
        all_reduce(answered)
        if answered > size:
            raise ValueError(f'{int(answered)} samples were answered and there are {size}. Set round_up=False in the '
                             'sampler of the test dataloader.')
        figures = {}
        for metric in self.metrics:
            figures |= metric.evaluate(size)
        return figures

"""Each sample to the metrics of its task, so that one test run measures one model on all it can do."""

from collections.abc import Sequence

from mmdet.registry import EVALUATOR
from mmengine.dist import get_world_size
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
        """
        figures = {}
        for metric in self.metrics:
            figures |= metric.evaluate(min(size, len(metric.results) * get_world_size()))
        return figures

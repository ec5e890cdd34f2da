"""What a test has found, of each of its tasks that are evaluated by COCO's AP, with the truth and the image files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from torch.utils.data import Dataset

from visionllm.annotations import read_coco_file
from visionllm.annotations.files import read_json
from visionllm.evaluation.detection_summary import DetectionSummary
from visionllm.evaluation.matching import restrict, with_run_lengths

REPORTED_METRICS = ('InstructionCocoMetric', 'CocoMetric')


@dataclass
class TestedSet:
    """One task of a test.

    Args:
        task: Its name; empty where the config has one task alone.
        summary: The figures.
        images: Files by the id of the image.
        seconds: Of all predictions, without loading.
    """
    __test__ = False  # no class of tests
    task: str
    summary: DetectionSummary
    images: dict[int, str]
    seconds: float

    @property
    def boxes_per_second(self) -> float:
        """Kept detections by the time of prediction."""
        return len(self.summary.kept) / max(self.seconds, 1e-9)

    def as_dict(self) -> dict:
        """All numbers, for JSON."""
        return dict(task=self.task, seconds=self.seconds, boxes_per_second=self.boxes_per_second,
                    **self.summary.as_dict())


def reported_metrics(evaluator: Config) -> dict[str, Config]:
    """The metrics of a test evaluator that a report can be written of, by task; '' where it has one metric alone."""
    tasks = evaluator.get('metrics', {'': evaluator})
    return {task: metric for task, metric in tasks.items()
            if metric.type in REPORTED_METRICS and metric.get('ann_file')}


def read_tested_sets(cfg: Config, dataset: Dataset, prefix: str | Path,
                     seconds: Mapping[str, float]) -> list[TestedSet]:
    """What a test has written.

    Args:
        cfg: Config of the test.
        dataset: Its test set.
        prefix: Of the COCO result files, as of ``visionllm test --out``.
        seconds: Time of prediction by task.
    """
    members = dict(zip(tasks_of(cfg), getattr(dataset, 'datasets', [dataset])))
    sets = []
    for task, metric in reported_metrics(cfg.test_evaluator).items():
        member = members[task] if task else dataset
        records = [member.get_data_info(index) for index in range(len(member))]
        images = {record['img_id']: record['img_path'] for record in records}
        iou_type = 'segm' if 'segm' in metric.metric else 'bbox'
        file = f'{prefix}.{task}.{iou_type}.json' if task else f'{prefix}.{iou_type}.json'
        truth = truth_of(metric.ann_file, set(images), member.metainfo['classes'])
        if iou_type == 'segm':
            truth = with_run_lengths(truth)
        summary = DetectionSummary(truth, read_json(file), iou_type)
        sets.append(TestedSet(task, summary, images, seconds[task] if task in seconds else sum(seconds.values())))
    return sets


def tasks_of(cfg: Config) -> list[str]:
    """The task of each member of a test set, as its pipeline names it; '' where it does not."""
    dataset = cfg.test_dataloader.dataset
    return [next((step.task for step in member.pipeline[::-1] if step.get('task')), '')
            for member in dataset.get('datasets', [dataset])]


def truth_of(ann_file: str, image_ids: set[int], names: tuple[str, ...]) -> dict:
    """The annotations of some images, of the classes that a data set has."""
    truth = read_coco_file(ann_file)
    return restrict(truth, image_ids, [each['id'] for each in truth['categories'] if each['name'] in names])

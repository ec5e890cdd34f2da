"""A trained model with the test set and the metric of one task."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from mmdet.registry import DATASETS, METRICS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import BaseMetric

from visionllm.annotations import read_coco_file
from visionllm.errors import ConfigError
from visionllm.evaluation.detection import average_precision
from visionllm.language import TASKS
from visionllm.language.vocabulary import NUM_CLASS_TOKENS
from visionllm.structures.boxes import to_xywh
from visionllm.structures.polygons import polygon_masks_to_rles

from .inferencer import Inferencer

GREY = 114  # pixel value of the image that replaces all others in a blind test
SIZE_KEYS = ('ori_shape', 'img_shape', 'scale_factor')


@dataclass
class Study:
    """A model and the samples that it is evaluated on.

    Args:
        model: A VisionLLM in evaluation mode.
        dataset: Test set of the task.
        truth: COCO annotations of the samples; empty where the task has none.
        names: All class names.
        task: Name of the task.
        metric: Config of the task's metric.
    """
    model: torch.nn.Module
    dataset: object
    truth: dict
    names: list[str]
    task: str
    metric: dict

    @classmethod
    def from_files(cls, config: str, checkpoint: str, num_images: int | None = None,
                   task: str = 'detection') -> 'Study':
        """Build the model of a config with the weights of a checkpoint, and its test set.

        Args:
            config: Path of the config.
            checkpoint: Path of the checkpoint.
            num_images: Use only the first samples; None for all.
            task: Name of the task.

        Raises:
            ConfigError: The config has no test set for the task.
        """
        return cls.from_model(Inferencer.from_files(config, checkpoint).model, config, num_images, task)

    @classmethod
    def from_model(cls, model: torch.nn.Module, config: str, num_images: int | None = None,
                   task: str = 'detection') -> 'Study':
        """As ``from_files``, with a model that is already built from the config."""
        dataset_config, metric = dataset_and_metric(Config.fromfile(config), task)
        dataset = DATASETS.build(dataset_config)
        indices = range(len(dataset) if num_images is None else min(num_images, len(dataset)))
        dataset = dataset.get_subset(list(indices))
        truth = {}
        if 'ann_file' in metric:
            truth = read_coco_file(metric.ann_file)
            kept = {dataset.get_data_info(i)['img_id'] for i in indices}
            truth['annotations'] = [a for a in truth['annotations'] if a['image_id'] in kept]
            truth['images'] = [i for i in truth['images'] if i['id'] in kept]
        return cls(model, dataset, truth, list(dataset.metainfo.get('classes', ())), task, metric)

    def category_ids(self, names: list[str]) -> list[int]:
        """COCO category ids of class names."""
        ids = {c['name']: c['id'] for c in self.truth['categories']}
        return [ids[name] for name in names]

    @torch.no_grad()
    def predict(self, instruction: str | Sequence[str] | None = None, images: str = 'own',
                batch_size: int = 16) -> Iterator[DetDataSample]:
        """All samples with their predictions.

        Args:
            instruction: For all samples; None for each sample's own.
            images: ``own``; ``grey``, of no content; or ``other``, each sample with the image of another one.
            batch_size: Samples per forward pass.
        """
        for start in range(0, len(self.dataset), batch_size):
            items = [self._item(i, images) for i in range(start, min(start + batch_size, len(self.dataset)))]
            for item in items:
                if instruction is not None:
                    item['data_samples'].set_metainfo(dict(instruction=instruction, text=self.names))
            yield from self.model.test_step(pseudo_collate(items))

    def _item(self, index: int, images: str) -> dict:
        item = self.dataset[index]
        if images == 'grey':
            item['inputs'].fill_(GREY)
        if images == 'other':
            other = self.dataset[(index + len(self.dataset) // 2) % len(self.dataset)]
            item['inputs'] = other['inputs']
            item['data_samples'].set_metainfo({key: other['data_samples'].get(key) for key in SIZE_KEYS})
        return item

    def detect(self, instruction: str | Sequence[str]) -> list[dict]:
        """COCO result records of all samples, each with the index of its image token (``token``)."""
        return [record for sample in self.predict(instruction) for record in self.records(sample)]

    def records(self, sample: DetDataSample) -> list[dict]:
        """COCO result records of a sample with predictions."""
        result = sample.pred_instances
        ids = self.category_ids([self.names[k] for k in result.labels.tolist()])
        records = [
            dict(image_id=sample.img_id, category_id=c, score=s, token=t, bbox=to_xywh(box))
            for c, s, t, box in zip(ids, result.scores.tolist(), result.tuples.tolist(), result.bboxes.tolist())
        ]
        if 'masks' in result:
            for record, code in zip(records, polygon_masks_to_rles(result.masks)):
                record['segmentation'] = code
        return records

    def metric_of(self, samples: Iterable[DetDataSample]) -> BaseMetric:
        """The task's metric after it has processed samples with predictions."""
        metric = METRICS.build(self.metric)
        metric.process({}, [sample.to_dict() for sample in samples])
        return metric

    def write_instruction(self, names: list[str], wording: int = 0, class_tokens: Sequence[int] | None = None,
                          num_points: int | None = None) -> str:
        """An instruction of the study's task.

        Args:
            names: Classes to name.
            wording: Index of the wording.
            class_tokens: The k of each class's token ``<ck>``; None for 0, 1, 2 ...
            num_points: Points per polygon; None for the task's default.
        """
        return TASKS[self.task].write_instruction(names, wording, num_points, class_tokens)

    def write_with_random_tokens(self, names: list[str], rng: np.random.Generator) -> str:
        """An instruction of the study's task with random class tokens."""
        return self.write_instruction(names, class_tokens=rng.permutation(NUM_CLASS_TOKENS)[:len(names)].tolist())

    def box_ap(self, detections: list[dict]) -> dict[str, float]:
        """Average precision of boxes over all classes, from COCO result records."""
        return average_precision(self.truth, detections, self.category_ids(self.names))


def dataset_and_metric(cfg: Config, task: str) -> tuple[dict, dict]:
    """Configs of a config's test dataset for a task, and of the metric.

    Raises:
        ConfigError: There is none.
    """
    dataset, evaluator = cfg.test_dataloader.dataset, cfg.test_evaluator
    for part in dataset.get('datasets', [dataset]):
        if any(step.type == 'WriteInstruction' and step.task == task for step in part.pipeline):
            return part, evaluator.get('metrics', {task: evaluator})[task]
    raise ConfigError(f'{cfg.filename} has no test set for {task}; take the config of a model that was trained for it.')

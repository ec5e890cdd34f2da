"""COCO evaluation: faster-coco-eval, which this package uses, and pycocotools."""

import contextlib
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from visionllm.evaluation.detection import average_precision, summary_metrics

from .timing import Suite

BOX_NOISE = 12  # standard deviation in pixels
CORRECT_CLASS_RATE = 0.7


class CocoEvalBenchmark:
    """Random ground truth, and detections near it, as many as on COCO.

    Args:
        images: Number of images.
        detections: Per image.
        objects: Per image.
        classes: Number of classes.
    """

    def __init__(self, images: int = 1000, detections: int = 100, objects: int = 7, classes: int = 80):
        rng = np.random.default_rng(0)
        self.category_ids = list(range(1, classes + 1))
        annotations, self.detections = [], []
        for i in range(images):
            boxes = np.concatenate([rng.uniform(0, 300, (objects, 2)), rng.uniform(10, 180, (objects, 2))], 1)
            labels = rng.integers(1, classes + 1, objects)
            annotations += [
                dict(id=len(annotations) + k + 1, image_id=i, category_id=int(label), bbox=box.tolist(), iscrowd=0,
                     area=float(box[2] * box[3])) for k, (label, box) in enumerate(zip(labels, boxes))]
            index = rng.integers(objects, size=detections)
            noisy = boxes[index] + rng.normal(0, BOX_NOISE, (detections, 4))
            noisy[:, 2:] = noisy[:, 2:].clip(2)
            correct = rng.random(detections) < CORRECT_CLASS_RATE
            predicted = np.where(correct, labels[index], rng.integers(1, classes + 1, detections))
            self.detections += [dict(image_id=i, category_id=int(label), bbox=box.tolist(), score=float(score))
                                for label, box, score in zip(predicted, noisy, rng.random(detections))]
        self.truth = dict(
            images=[dict(id=i, width=640, height=480, file_name='') for i in range(images)], annotations=annotations,
            categories=[dict(id=c, name=str(c)) for c in self.category_ids])

    def faster_coco_eval(self) -> dict[str, float]:
        """AP, AP50, AP75 and AP90."""
        with contextlib.redirect_stdout(io.StringIO()):
            return average_precision(self.truth, self.detections, self.category_ids)

    def pycocotools(self) -> dict[str, float]:
        """The same metrics by pycocotools."""
        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO()
            truth.dataset = self.truth
            truth.createIndex()
            evaluation = COCOeval(truth, truth.loadRes([dict(record) for record in self.detections]), 'bbox')
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        return summary_metrics(evaluation)


def coco_eval_suite(benchmark: CocoEvalBenchmark) -> Suite:
    """Both evaluations, with indexing of the records."""
    return Suite({'COCO evaluation': benchmark.faster_coco_eval,
                  'COCO evaluation, pycocotools': benchmark.pycocotools},
                 {'pycocotools / ours': ('COCO evaluation, pycocotools', 'COCO evaluation', 1)})

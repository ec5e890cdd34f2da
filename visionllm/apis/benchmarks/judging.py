"""What COCO's evaluation costs: ours, which faster-coco-eval does, beside pycocotools."""

import contextlib
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from visionllm.evaluation.detection import average_precision, figures_of

from .timing import Suite


class Judging:
    """Random objects, and detections that are about right, in number as COCO's are.

    Args:
        pictures: Number of pictures.
        detections: On each.
        objects: On each.
        classes: Number of classes.
    """

    def __init__(self, pictures: int = 1000, detections: int = 100, objects: int = 7, classes: int = 80):
        rng = np.random.default_rng(0)
        self.categories = list(range(1, classes + 1))
        images = [dict(id=i, width=640, height=480, file_name='') for i in range(pictures)]
        truth, self.found = [], []
        for i in range(pictures):
            boxes = np.concatenate([rng.uniform(0, 300, (objects, 2)), rng.uniform(10, 180, (objects, 2))], 1)
            kinds = rng.integers(1, classes + 1, objects)
            truth += [dict(id=len(truth) + k + 1, image_id=i, category_id=int(kind), bbox=box.tolist(), iscrowd=0,
                           area=float(box[2] * box[3])) for k, (kind, box) in enumerate(zip(kinds, boxes))]
            on = rng.integers(objects, size=detections)
            off = boxes[on] + rng.normal(0, 12, (detections, 4))
            off[:, 2:] = off[:, 2:].clip(2)
            right = rng.random(detections) < 0.7
            said = np.where(right, kinds[on], rng.integers(1, classes + 1, detections))
            self.found += [dict(image_id=i, category_id=int(kind), bbox=box.tolist(), score=float(score))
                           for kind, box, score in zip(said, off, rng.random(detections))]
        self.truth = dict(images=images, annotations=truth, categories=[dict(id=c, name=str(c))
                                                                       for c in self.categories])

    def ours(self) -> dict[str, float]:
        """AP, AP50, AP75, AP90."""
        with contextlib.redirect_stdout(io.StringIO()):
            return average_precision(self.truth, self.found, self.categories)

    def theirs(self) -> dict[str, float]:
        """The same of pycocotools."""
        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO()
            truth.dataset = self.truth
            truth.createIndex()
            judge = COCOeval(truth, truth.loadRes([dict(record) for record in self.found]), 'bbox')
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
        return figures_of(judge)


def judging_suite(judging: Judging) -> Suite:
    """The whole of it, reading the records included."""
    return Suite({'COCO evaluation': judging.ours, 'COCO evaluation, pycocotools': judging.theirs},
                 {'pycocotools / ours': ('COCO evaluation, pycocotools', 'COCO evaluation', 1)})

"""Predicted polygons drawn over annotated ones, with the IoU of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visionllm.annotations import read_image
from visionllm.evaluation.error_kinds import pairwise_overlap
from visionllm.evaluation.matching import with_run_lengths
from visionllm.visualization.outlines import PREDICTION, TRUTH, Outline, draw_outlines

from .inferencer import Inferencer
from .report_examples import contours_of
from .study import Study

SIDE = 800  # pixels of a drawing


@dataclass
class PolygonDrawing:
    """One image.

    Args:
        path: Of the drawing.
        overlaps: IoU of each predicted polygon with the annotated mask of its class that it overlaps most.
    """
    path: Path
    overlaps: list[float]


def draw_polygons_on_truth(study: Study, out: str | Path, threshold: float) -> Iterator[PolygonDrawing]:
    """Draw the images of a test set.

    Args:
        study: Of the task segmentation.
        out: Folder; made if it does not exist.
        threshold: Polygons with lower scores are left out.

    Yields:
        Each drawing as it is written.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    names = {category['id']: category['name'] for category in study.truth['categories']}
    annotations = [ann for ann in with_run_lengths(study.truth)['annotations'] if not ann.get('iscrowd')]
    with Inferencer(study.model, None).decoding_from(threshold):
        for sample in study.predict(batch_size=1):
            truth = [ann for ann in annotations if ann['image_id'] == sample.img_id]
            found = [record for record in study.records(sample) if record['score'] >= threshold]
            overlaps = best_overlaps(found, truth)
            outlines = [_outline(ann, names[ann['category_id']], TRUTH) for ann in truth]
            outlines += [_outline(record, f'{names[record["category_id"]]} {record["score"]:.2f}, IoU {overlap:.2f}',
                                  PREDICTION) for record, overlap in zip(found, overlaps)]
            target = out / f'{Path(sample.img_path).stem}.png'
            draw_outlines(read_image(sample.img_path), outlines, SIDE).save(target)
            yield PolygonDrawing(target, overlaps)


def best_overlaps(found: list[dict], truth: list[dict]) -> list[float]:
    """IoU of each mask with the one of its class that it overlaps most; 0 where there is none."""
    overlap = pairwise_overlap(found, truth, 'segm')
    same = np.array([[record['category_id'] == ann['category_id'] for ann in truth] for record in found], bool)
    return (overlap * same.reshape(overlap.shape)).max(1, initial=0.0).tolist()


def _outline(record: dict, label: str, color: tuple[int, int, int]) -> Outline:
    x, y, width, height = record['bbox']
    return Outline((x, y, x + width, y + height), label, color, contours_of(record))

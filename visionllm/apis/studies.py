"""Evaluations of a trained model, by its test sets: how it follows instructions, and what its accuracy depends on."""

from dataclasses import replace

import numpy as np
from pycocotools import mask as mask_utils

from visionllm.annotations.coco_masks import box_to_polygon, segmentation_to_polygons
from visionllm.datasets import LVIS_NAMES
from visionllm.engine.pretraining.class_map_reading import reading_accuracy
from visionllm.evaluation.calibration import calibration_error
from visionllm.evaluation.detection import (
    average_precision,
    best_f1_score,
    ground_truth_detections,
    hit_rate,
    match_detections,
)
from visionllm.language import TASKS
from visionllm.structures.polygons import parts_to_polygon

from .charts import draw_calibration
from .colour_study import colours
from .export_study import exported
from .fact_checking import facts
from .photograph_studies import against_detector, kinds, presence, single_names, synonyms
from .study import Study


def evaluate_task(study: Study) -> dict[str, float]:
    """Metrics of a model on the study's task and samples; of masks also the AP of the boxes in the same words."""
    if study.metric['type'] == 'InstructionCocoMetric':
        boxes = study.box_ap(study.detect(study.write_instruction(study.names, num_points=2)))
        if study.task == 'detection':
            return boxes
        return mask_ap(study, study.detect(study.write_instruction(study.names))) | dict(box_AP=boxes['AP'])
    metric = study.metric_of(study.predict())
    return metric.evaluate(len(metric.results))


def mask_ap(study: Study, detections: list[dict]) -> dict[str, float]:
    """Average precision of masks over all classes, from COCO result records."""
    metrics = average_precision(study.truth, detections, study.category_ids(study.names), iou_type='segm')
    return {f'mask_{name}': value for name, value in metrics.items()}


def malformed(study: Study) -> dict[str, float]:
    """Share of malformed predictions.

    Returns:
        ``answers``, their number; and ``malformed``, the percentage of texts without a word, and of tuples whose
        coordinates are not finite or span no area.
    """
    counts = np.zeros(2, dtype=int)
    for sample in study.predict():
        if 'pred_text' in sample:
            counts += 1, not sample.pred_text.strip()
        else:
            points = sample.pred_instances.points
            sides = points.amax(1) - points.amin(1) if len(points) else points.new_zeros(0, 2)
            counts += len(points), int((~(sides > 0).all(1)).sum())  # NaN > 0 is false
    return dict(answers=int(counts[0]), malformed=100 * float(counts[1]) / max(int(counts[0]), 1))


def obedience(study: Study, num_splits: int = 2, seed: int = 0) -> dict:
    """Half of the classes named, in random order and with random class tokens, compared to all classes.

    Each split names a random half and then the other half, so every class has the same weight.

    Returns:
        ``draws``, with the following of each half, and their ``mean``. ``AP`` of the named classes, and ``full_AP``
        where all classes are named; ``best_f1`` and its score ``threshold``. At that threshold, the percentage of
        unnamed objects that a detection lies on: ``unnamed_hit_rate``; ``confusion_rate``, for detections of the same
        classes where all are named (objects confused with another class); ``ground_truth_hit_rate``, for the true
        boxes as detections (objects that overlap).
    """
    rng = np.random.default_rng(seed)
    everything = study.detect(study.write_instruction(study.names))
    rows = []
    for _ in range(num_splits):
        order = [study.names[i] for i in rng.permutation(len(study.names))]
        middle = len(order) // 2
        for named, unnamed in ((order[:middle], order[middle:]), (order[middle:], order[:middle])):
            detections = study.detect(study.write_with_random_tokens(named, rng))
            ids, unnamed_ids = study.category_ids(named), study.category_ids(unnamed)
            threshold, f1 = best_f1_score(*match_detections(study.truth, detections, ids))
            same_classes = [record for record in everything if record['category_id'] in ids]
            full_threshold, _ = best_f1_score(*match_detections(study.truth, same_classes, ids))
            true_boxes = ground_truth_detections(study.truth, ids)
            rows.append(dict(
                named=named, AP=average_precision(study.truth, detections, ids)['AP'],
                full_AP=average_precision(study.truth, everything, ids)['AP'], best_f1=f1, threshold=threshold,
                unnamed_hit_rate=hit_rate(study.truth, detections, unnamed_ids, threshold),
                ground_truth_hit_rate=hit_rate(study.truth, true_boxes, unnamed_ids, 1.0),
                confusion_rate=hit_rate(study.truth, same_classes, unnamed_ids, full_threshold)))
    return dict(mean={key: float(np.mean([row[key] for row in rows])) for key in rows[0] if key != 'named'}, draws=rows)


def wordings(study: Study, indices: tuple[int, ...] = (0, 2, 6, 12, 16, 17, 18, 19)) -> dict:
    """AP by wording of the instruction; wordings from 16 on are not used in training."""
    task = TASKS['detection']
    rows = []
    for index in indices:
        detections = study.detect(study.write_instruction(study.names, index))
        rows.append(dict(wording=(task.wordings + task.held_out)[index], seen=index < len(task.wordings),
                         **study.box_ap(detections)))
    aps = [row['AP'] for row in rows]
    return dict(spread=max(aps) - min(aps), rows=rows)


def calibration(study: Study, figure: str | None = None) -> dict:
    """Expected calibration error of the tuples' scores, with the best class of each tuple.

    Args:
        study: On detection.
        figure: Image file for the precision-recall and reliability curves; None for none.
    """
    best: dict[tuple[int, int], dict] = {}
    for record in study.detect(study.write_instruction(study.names)):
        key = (record['image_id'], record['token'])
        if key not in best or record['score'] > best[key]['score']:
            best[key] = record
    scores, correct, total = match_detections(study.truth, list(best.values()), study.category_ids(study.names))
    if figure is not None:
        draw_calibration(scores, correct, total, figure)
    threshold, f1 = best_f1_score(scores, correct, total)
    return dict(ece=calibration_error(scores, correct), tuples=len(scores), best_f1=f1, threshold=threshold)


def classes(study: Study, shares: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0), draws: int = 2, seed: int = 0) -> dict:
    """AP of the named classes by the share of all classes that is named (paper, table 2a)."""
    rng, rows = np.random.default_rng(seed), {}
    for share in shares:
        aps = []
        for _ in range(draws if share < 1 else 1):
            named = [study.names[i] for i in rng.permutation(len(study.names))[:round(share * len(study.names))]]
            detections = study.detect(study.write_instruction(named))
            aps.append(average_precision(study.truth, detections, study.category_ids(named))['AP'])
        rows[f'{share:.0%}'] = dict(AP=float(np.mean(aps)))
    return dict(rows=rows)


def vocabulary(study: Study, size: int = 1203, seed: int = 0) -> dict:
    """AP of the test classes if they are named alone, and if they are among ``size`` names of LVIS that are named in
    groups; and the best F1 of all detections, those of absent classes included."""
    rng, task = np.random.default_rng(seed), TASKS[study.task]
    absent = [name for name in LVIS_NAMES if name not in study.names][:size - len(study.names)]
    everything = [(study.names + absent)[i] for i in rng.permutation(size)]
    absent_categories = [dict(id=-number, name=name) for number, name in enumerate(absent, 1)]
    truth = study.truth | dict(categories=study.truth['categories'] + absent_categories)
    rows = {}
    for names in (study.names, everything):
        extended = replace(study, names=names, truth=truth)
        detections = extended.detect(task.write_instructions(names))
        _, f1 = best_f1_score(*match_detections(truth, detections, extended.category_ids(names)))
        rows[f'{len(names)} names'] = study.box_ap(detections) | dict(best_f1=100 * f1)
    return dict(rows=rows)


def points(study: Study, counts: tuple[int, ...] = (8, 14, 16, 24, 48)) -> dict:
    """Mask AP by the number of polygon points (paper, table 2b), the upper bound given by true contours of as many
    points, and box AP of the same model."""
    rows = {'box': study.box_ap(study.detect(study.write_instruction(study.names, num_points=2)))}
    for count in counts:
        rows[str(count)] = mask_ap(study, study.detect(study.write_instruction(study.names, num_points=count)))
        rows[f'{count}, true contours'] = mask_ap(study, ground_truth_polygons(study.truth, count))
    return dict(rows=rows)


def ground_truth_polygons(truth: dict, count: int) -> list[dict]:
    """The objects of a COCO annotation dict as result records with score 1, each as a polygon of ``count`` points."""
    sizes = {image['id']: (image['height'], image['width']) for image in truth['images']}
    records = []
    for annotation in truth['annotations']:
        if annotation.get('iscrowd'):
            continue
        size = sizes[annotation['image_id']]
        parts = segmentation_to_polygons(annotation['segmentation'], *size) or [box_to_polygon(annotation['bbox'])]
        polygon = parts_to_polygon([np.reshape(part, (-1, 2)) for part in parts], count)
        rles = mask_utils.frPyObjects([polygon.ravel().tolist()], *size)
        records.append(dict(image_id=annotation['image_id'], category_id=annotation['category_id'], score=1.0,
                            bbox=annotation['bbox'], segmentation=rles[0]))
    return records


def bins(study: Study, counts: tuple[int, ...] = (65, 129, 257, 513, 1025, 2049)) -> dict:
    """AP of detections rounded to location bins, by the number of bins (paper, table 3c), and of exact ones.

    Predicted locations are expected values over 1025 bins, which are more precise than a single bin.
    """
    sizes = {image['id']: (image['width'], image['height']) for image in study.truth['images']}
    detections = study.detect(study.write_instruction(study.names))
    rows = {str(count): study.box_ap([round_to_bins(record, sizes, count) for record in detections])
            for count in counts}
    return dict(rows=rows | dict(exact=study.box_ap(detections)))


def round_to_bins(record: dict, sizes: dict[int, tuple[int, int]], count: int) -> dict:
    """A COCO result record with its corners rounded to ``count`` bins over twice the image, the range of offsets.

    Args:
        record: With ``bbox`` as x, y, width, height in pixels.
        sizes: Width and height of the images by id.
        count: Number of bins.
    """
    step = 2 * np.asarray(sizes[record['image_id']]) / (count - 1)
    corner, extent = np.asarray(record['bbox']).reshape(2, 2)
    low, high = (np.round(point / step) * step for point in (corner, corner + extent))
    return {**record, 'bbox': [*low.tolist(), *(high - low).tolist()]}


def blind(study: Study) -> dict:
    """Metrics of answers in text with each sample's own image, with a grey one, and with that of another sample."""
    rows = {}
    for images in ('own', 'grey', 'other'):
        metric = study.metric_of(study.predict(images=images))
        rows[f'{images} image'] = metric.compute_metrics(metric.results)
    return dict(rows=rows)


def reading(study: Study, exercises: int = 40) -> dict:
    """Accuracy of class-map reading without images, on nouns and wordings that are not used in training."""
    return reading_accuracy(study.model, exercises)


# by name: the function, and the task whose test set it is run on by default
STUDIES = dict(
    obedience=(obedience, 'detection'), wordings=(wordings, 'detection'), calibration=(calibration, 'detection'),
    reading=(reading, 'detection'), classes=(classes, 'detection'), vocabulary=(vocabulary, 'detection'),
    bins=(bins, 'detection'), points=(points, 'segmentation'), detector=(against_detector, 'detection'),
    synonyms=(synonyms, 'detection'), kinds=(kinds, 'detection'), presence=(presence, 'detection'),
    single_names=(single_names, 'detection'), colours=(colours, 'detection'), export=(exported, 'detection'),
    blind=(blind, 'questions'), facts=(facts, 'questions'), figures=(evaluate_task, 'detection'),
    malformed=(malformed, 'detection'))

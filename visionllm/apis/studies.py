"""What a trained model is asked to show, each on the config's own test set."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from mmdet.registry import DATASETS, METRICS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import BaseMetric
from pycocotools import mask as mask_utils

from visionllm.datasets import LVIS_NAMES
from visionllm.datasets.coco import box_ring, outline_parts
from visionllm.evaluation.calibration import calibration_error
from visionllm.evaluation.detection import average_precision, best_f1_score, hits, judge, true_answers
from visionllm.language import TASKS
from visionllm.language.vocabulary import NUM_CLASS_TOKENS
from visionllm.structures.polygons import ring_of

from .inferencer import Inferencer

GREY = 114  # what is seen where there is no picture


@dataclass
class Study:
    """A model and the pictures it is asked about."""
    model: torch.nn.Module
    dataset: object
    truth: dict  # COCO instances; empty where the task has none
    names: list[str]
    task: str
    metric: dict  # config of what judges the task

    @classmethod
    def from_files(cls, config: str, checkpoint: str, num_images: int | None = None,
                   task: str = 'detection') -> 'Study':
        """The first ``num_images`` samples of a config's test set for a task.

        Raises:
            ValueError: The config has none.
        """
        return cls.of(Inferencer.from_files(config, checkpoint).model, config, num_images, task)

    @classmethod
    def of(cls, model: torch.nn.Module, config: str, num_images: int | None = None,
           task: str = 'detection') -> 'Study':
        """The same, of a model that was built from the config before."""
        part, metric = data_and_metric(Config.fromfile(config), task)
        dataset = DATASETS.build(part)
        indices = range(len(dataset) if num_images is None else min(num_images, len(dataset)))
        dataset = dataset.get_subset(list(indices))
        truth = {}
        if 'ann_file' in metric:
            truth = json.loads(Path(metric.ann_file).read_text())
            kept = {dataset.get_data_info(i)['img_id'] for i in indices}
            truth['annotations'] = [a for a in truth['annotations'] if a['image_id'] in kept]
            truth['images'] = [i for i in truth['images'] if i['id'] in kept]
        return cls(model, dataset, truth, list(dataset.metainfo.get('classes', ())), task, metric)

    def category_ids(self, names: list[str]) -> list[int]:
        """COCO ids of class names."""
        ids = {c['name']: c['id'] for c in self.truth['categories']}
        return [ids[name] for name in names]

    @torch.no_grad()
    def answers(self, instruction: str | Sequence[str] | None = None, blind: bool = False,
                batch_size: int = 16) -> Iterator[DetDataSample]:
        """All samples with the answers to their own instruction, or to another; ``blind``: without their pictures."""
        for start in range(0, len(self.dataset), batch_size):
            items = [self.dataset[i] for i in range(start, min(start + batch_size, len(self.dataset)))]
            for item in items:
                if instruction is not None:
                    item['data_samples'].set_metainfo(dict(instruction=instruction, text=self.names))
                if blind:
                    item['inputs'].fill_(GREY)
            yield from self.model.test_step(pseudo_collate(items))

    def ask(self, instruction: str | Sequence[str]) -> list[dict]:
        """COCO result records of all pictures; each holds its image ``token`` besides."""
        return [record for sample in self.answers(instruction) for record in self._records(sample)]

    def _records(self, sample: DetDataSample) -> list[dict]:
        result = sample.pred_instances
        ids = self.category_ids([self.names[k] for k in result.labels.tolist()])
        records = [
            dict(image_id=sample.img_id, category_id=c, score=s, token=t, bbox=[x1, y1, x2 - x1, y2 - y1])
            for c, s, t, (x1, y1, x2, y2) in zip(ids, result.scores.tolist(), result.tuples.tolist(),
                                                 result.bboxes.tolist())
        ]
        for record, mask in zip(records, result.get('masks', ())):
            record['segmentation'] = mask_utils.encode(np.asfortranarray(mask.numpy().astype(np.uint8)))
        return records

    def instruction(self, names: list[str], wording: int = 0, tokens=None, num_points: int | None = None) -> str:
        return TASKS[self.task].order(names, wording, num_points, tokens)


def data_and_metric(cfg: Config, task: str) -> tuple[dict, dict]:
    """Configs of the dataset that a config tests a task on, and of the metric that judges it.

    Raises:
        ValueError: There is none.
    """
    dataset, evaluator = cfg.test_dataloader.dataset, cfg.test_evaluator
    for part in dataset.get('datasets', [dataset]):
        if any(step.type == 'WriteInstruction' and step.task == task for step in part.pipeline):
            return part, evaluator.get('metrics', {task: evaluator})[task]
    raise ValueError(f'{cfg.filename} tests no {task}; take the config of a model that was trained for it.')


def figures_of(study: Study) -> dict[str, float]:
    """A model's figures on one task, over the study's pictures."""
    if study.metric['type'] == 'CocoMetric':
        found = study.ask(study.instruction(study.names))
        return box_figures(study, found) if study.task == 'detection' else mask_figures(study, found)
    metric = judged(study)
    return metric.evaluate(len(metric.results))


def box_figures(study: Study, found: list[dict]) -> dict[str, float]:
    """Average precision of boxes, over all classes."""
    return average_precision(study.truth, found, study.category_ids(study.names))


def mask_figures(study: Study, found: list[dict]) -> dict[str, float]:
    """Average precision of masks, over all classes."""
    figures = average_precision(study.truth, found, study.category_ids(study.names), of='segm')
    return {f'mask_{name}': value for name, value in figures.items()}


def judged(study: Study, blind: bool = False) -> BaseMetric:
    """The task's metric, which has seen all answers."""
    metric = METRICS.build(study.metric)
    metric.process({}, [sample.to_dict() for sample in study.answers(blind=blind)])
    return metric


def malformed(study: Study) -> dict[str, float]:
    """How many answers there are, and the share of them, in percent, that mean nothing: text without a word, tuples
    whose numbers are not finite or enclose nothing."""
    counts = np.zeros(2, dtype=int)
    for sample in study.answers():
        if 'pred_text' in sample:
            counts += 1, not sample.pred_text.strip()
        else:
            points = sample.pred_instances.points
            sides = points.amax(1) - points.amin(1) if len(points) else points.new_zeros(0, 2)
            counts += len(points), int((~(sides > 0).all(1)).sum())  # a NaN is larger than nothing
    return dict(answers=int(counts[0]), malformed=100 * float(counts[1]) / max(int(counts[0]), 1))


def obedience(study: Study, halves: int = 2, seed: int = 0) -> dict:
    """Half of the classes, in random order and with other class tokens, against all of them.

    Each draw asks for a random half and for the other half, so that every class counts the same. ``unnamed_hit`` is the
    share of unnamed objects that an answer lies on, at the score of best F1; ``look_alike`` the same share among the
    answers for these classes when all were named: objects that are taken for another class, whatever is asked;
    ``perfect_hit`` the same share when the true boxes of the named objects are the answers: some lie on others.
    """
    rng = np.random.default_rng(seed)
    everything = study.ask(study.instruction(study.names))
    rows = []
    for _ in range(halves):
        order = [study.names[i] for i in rng.permutation(len(study.names))]
        middle = len(order) // 2
        for named, unnamed in ((order[:middle], order[middle:]), (order[middle:], order[:middle])):
            tokens = rng.permutation(NUM_CLASS_TOKENS)[:len(named)].tolist()
            found = study.ask(study.instruction(named, tokens=tokens))
            ids = study.category_ids(named)
            others = study.category_ids(unnamed)
            threshold, f1 = best_f1_score(*judge(study.truth, found, ids))
            kept = [record for record in everything if record['category_id'] in ids]
            full_threshold, _ = best_f1_score(*judge(study.truth, kept, ids))
            rows.append(dict(
                named=named, AP=average_precision(study.truth, found, ids)['AP'],
                full_AP=average_precision(study.truth, everything, ids)['AP'], best_f1=f1, threshold=threshold,
                unnamed_hit=hits(study.truth, found, others, threshold),
                perfect_hit=hits(study.truth, true_answers(study.truth, ids), others, 1.0),
                look_alike=hits(study.truth, kept, others, full_threshold)))
    return dict(mean={key: float(np.mean([row[key] for row in rows])) for key in rows[0] if key != 'named'}, draws=rows)


def wordings(study: Study, chosen: tuple[int, ...] = (0, 2, 6, 12, 16, 17, 18, 19)) -> dict:
    """AP for eight wordings; those from 16 on were never seen in training."""
    task = TASKS['detection']
    rows = []
    for index in chosen:
        found = study.ask(study.instruction(study.names, index))
        ap = average_precision(study.truth, found, study.category_ids(study.names))
        rows.append(dict(wording=(task.wordings + task.held_out)[index], seen=index < len(task.wordings), **ap))
    aps = [row['AP'] for row in rows]
    return dict(spread=max(aps) - min(aps), rows=rows)


def calibration(study: Study, figure: str | None = None) -> dict:
    """Expected calibration error of the tuples' scores (a tuple's best class), and the precision-recall curve."""
    found = study.ask(study.instruction(study.names))
    best: dict[tuple[int, int], dict] = {}
    for record in found:
        key = (record['image_id'], record['token'])
        if key not in best or record['score'] > best[key]['score']:
            best[key] = record
    scores, right, total = judge(study.truth, list(best.values()), study.category_ids(study.names))
    if figure is not None:
        _draw_curves(scores, right, total, figure)
    threshold, f1 = best_f1_score(scores, right, total)
    return dict(ece=calibration_error(scores, right), tuples=len(scores), best_f1=f1, threshold=threshold)


def classes(study: Study, shares: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0), draws: int = 2, seed: int = 0) -> dict:
    """AP over the classes that are named, where only a share of them is (paper, table 2a)."""
    rng, rows = np.random.default_rng(seed), {}
    for share in shares:
        aps = []
        for _ in range(draws if share < 1 else 1):
            named = [study.names[i] for i in rng.permutation(len(study.names))[:round(share * len(study.names))]]
            found = study.ask(study.instruction(named))
            aps.append(average_precision(study.truth, found, study.category_ids(named))['AP'])
        rows[f'{share:.0%}'] = dict(AP=float(np.mean(aps)))
    return dict(rows=rows)


def vocabulary(study: Study, size: int = 1203, seed: int = 0) -> dict:
    """AP on the classes when they are named alone, and when they are hidden among LVIS's names and asked for in groups;
    and the best F1 of all answers, those that give a foreign name included."""
    rng, task = np.random.default_rng(seed), TASKS[study.task]
    foreign = [name for name in LVIS_NAMES if name not in study.names][:size - len(study.names)]
    everything = [(study.names + foreign)[i] for i in rng.permutation(size)]
    unseen = [dict(id=-number, name=name) for number, name in enumerate(foreign, 1)]
    truth = study.truth | dict(categories=study.truth['categories'] + unseen)
    rows = {}
    for names in (study.names, everything):
        asked = replace(study, names=names, truth=truth)
        found = asked.ask(task.orders(names))
        _, f1 = best_f1_score(*judge(truth, found, asked.category_ids(names)))
        rows[f'{len(names)} names'] = box_figures(study, found) | dict(best_f1=100 * f1)
    return dict(rows=rows)


def points(study: Study, counts: tuple[int, ...] = (8, 14, 16, 24, 48)) -> dict:
    """Mask AP by the number of points that the sentence asks for (paper, table 2b); what answers of so many points
    would have whose objects are all found and whose outlines are the true ones; and box AP of the same model."""
    rows = {'box': box_figures(study, study.ask(study.instruction(study.names, num_points=2)))}
    for count in counts:
        rows[str(count)] = mask_figures(study, study.ask(study.instruction(study.names, num_points=count)))
        rows[f'{count}, true outlines'] = mask_figures(study, true_outlines(study.truth, count))
    return dict(rows=rows)


def true_outlines(truth: dict, count: int) -> list[dict]:
    """A COCO file's own objects as sure answers, each an outline of so many points."""
    sides = {image['id']: (image['height'], image['width']) for image in truth['images']}
    records = []
    for annotation in truth['annotations']:
        if annotation.get('iscrowd'):
            continue
        parts = outline_parts(annotation['segmentation'], *sides[annotation['image_id']])
        ring = ring_of([np.reshape(part, (-1, 2)) for part in parts or [box_ring(annotation['bbox'])]], count)
        runs = mask_utils.frPyObjects([ring.ravel().tolist()], *sides[annotation['image_id']])
        records.append(dict(image_id=annotation['image_id'], category_id=annotation['category_id'], score=1.0,
                            bbox=annotation['bbox'], segmentation=runs[0]))
    return records


def bins(study: Study, counts: tuple[int, ...] = (65, 129, 257, 513, 1025, 2049)) -> dict:
    """AP of the answers, and of the same rounded to what so many location bins could say (paper, table 3c).

    Locations are read as an expectation over 1025 bins, which is finer than any of them.
    """
    sides = {image['id']: (image['width'], image['height']) for image in study.truth['images']}
    found = study.ask(study.instruction(study.names))
    rows = {str(count): box_figures(study, [rounded(record, sides, count) for record in found]) for count in counts}
    return dict(rows=rows | dict(exact=box_figures(study, found)))


def rounded(record: dict, sides: dict[int, tuple[int, int]], count: int) -> dict:
    """A detection whose corners lie on a grid of ``count`` bins over twice the picture, as offsets do."""
    step = 2 * np.asarray(sides[record['image_id']]) / (count - 1)
    corner, extent = np.asarray(record['bbox']).reshape(2, 2)
    low, high = (np.round(point / step) * step for point in (corner, corner + extent))
    return {**record, 'bbox': [*low.tolist(), *(high - low).tolist()]}


def blind(study: Study) -> dict:
    """Share of questions answered rightly, in percent, with the pictures and without them."""
    rows = {}
    for name, without in (('seeing', False), ('blind', True)):
        metric = judged(study, without)
        rows[name] = metric.compute_metrics(metric.results)
    return dict(rows=rows)


def reading(study: Study, lessons: int = 40) -> dict:
    """Symbolic image tokens, nouns and wordings never trained on."""
    from visionllm.engine.reading import reading_accuracy
    return reading_accuracy(study.model, lessons)


def _draw_curves(scores: np.ndarray, right: np.ndarray, total: int, figure: str) -> None:
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot

    found = right.cumsum()
    _, (left, other) = pyplot.subplots(1, 2, figsize=(9, 4))
    left.plot(found / total, found / np.arange(1, len(right) + 1))
    left.set(xlabel='recall', ylabel='precision at IoU 0.5', xlim=(0, 1), ylim=(0, 1.02))
    edges = np.linspace(0, 1, 11)
    which = np.minimum((scores * 10).astype(int), 9)
    filled = [b for b in range(10) if (which == b).any()]
    other.plot([0, 1], [0, 1], color='grey', linewidth=1)
    other.plot([scores[which == b].mean() for b in filled], [right[which == b].mean() for b in filled], 'o-')
    other.set(xlabel='score of a tuple', ylabel='share right', xlim=(0, 1), ylim=(0, 1), xticks=edges[::2])
    pyplot.tight_layout()
    pyplot.savefig(figure, dpi=110)


# what is shown, and on the test set of which task
STUDIES = dict(obedience=(obedience, 'detection'), wordings=(wordings, 'detection'),
               calibration=(calibration, 'detection'), reading=(reading, 'detection'), classes=(classes, 'detection'),
               vocabulary=(vocabulary, 'detection'), bins=(bins, 'detection'), points=(points, 'segmentation'),
               blind=(blind, 'questions'), figures=(figures_of, 'detection'), malformed=(malformed, 'detection'))

"""What a trained detector is asked to show, each on the config's own test set."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmdet.registry import DATASETS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from visionllm.evaluation.calibration import calibration_error
from visionllm.evaluation.detection import best_f1_score, box_average_precision, hits, judge, true_answers
from visionllm.language import TASKS, write_instruction
from visionllm.language.vocabulary import NUM_CLASS_TOKENS

from .inferencer import Inferencer


@dataclass
class Study:
    """A model and the pictures it is asked about."""
    model: torch.nn.Module
    dataset: object
    truth: dict  # COCO instances
    names: list[str]

    @classmethod
    def from_files(cls, config: str, checkpoint: str, num_images: int | None = None) -> 'Study':
        cfg = Config.fromfile(config)
        model = Inferencer.from_files(config, checkpoint).model
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
        indices = range(len(dataset) if num_images is None else min(num_images, len(dataset)))
        dataset = dataset.get_subset(list(indices))
        truth = json.loads(Path(cfg.test_evaluator.ann_file).read_text())
        kept = {dataset.get_data_info(i)['img_id'] for i in indices}
        truth['annotations'] = [a for a in truth['annotations'] if a['image_id'] in kept]
        truth['images'] = [i for i in truth['images'] if i['id'] in kept]
        return cls(model, dataset, truth, list(dataset.metainfo['classes']))

    def category_ids(self, names: list[str]) -> list[int]:
        """COCO ids of class names."""
        ids = {c['name']: c['id'] for c in self.truth['categories']}
        return [ids[name] for name in names]

    @torch.no_grad()
    def ask(self, instruction: str, batch_size: int = 16) -> list[dict]:
        """COCO result records of all pictures; each holds its image ``token`` besides."""
        found = []
        for start in range(0, len(self.dataset), batch_size):
            items = [self.dataset[i] for i in range(start, min(start + batch_size, len(self.dataset)))]
            for item in items:
                item['data_samples'].set_metainfo(dict(instruction=instruction))
            for sample in self.model.test_step(pseudo_collate(items)):
                found += self._records(sample)
        return found

    def _records(self, sample) -> list[dict]:
        result = sample.pred_instances
        ids = self.category_ids([self.names[k] for k in result.labels.tolist()])
        return [
            dict(image_id=sample.img_id, category_id=c, score=s, token=t, bbox=[x1, y1, x2 - x1, y2 - y1])
            for c, s, t, (x1, y1, x2, y2) in zip(ids, result.scores.tolist(), result.tuples.tolist(),
                                                 result.bboxes.tolist())
        ]

    def instruction(self, names: list[str], wording: int = 0, tokens=None) -> str:
        task = TASKS['detection']
        return write_instruction(names, (task.wordings + task.held_out)[wording], task.output_format, tokens)


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
                named=named, AP=box_average_precision(study.truth, found, ids)['AP'],
                full_AP=box_average_precision(study.truth, everything, ids)['AP'], best_f1=f1, threshold=threshold,
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
        ap = box_average_precision(study.truth, found, study.category_ids(study.names))
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


STUDIES = dict(obedience=obedience, wordings=wordings, calibration=calibration, reading=reading)

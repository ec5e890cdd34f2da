"""Evaluations of a model on a published detector: what remains of the detector's accuracy, and what words can do.

Dimensions: n detections.
"""

from dataclasses import replace

import numpy as np
import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from mmengine.dataset import pseudo_collate
from torch import Tensor

from visionllm.evaluation.detection import average_precision
from visionllm.language.kinds import HELD_OUT_SUPERCATEGORIES
from visionllm.language.synonyms import NARROWER_NAMES, VOC_SYNONYMS
from visionllm.models.pixels import real_pixels
from visionllm.models.samples import batch_pixel_mask
from visionllm.structures import Detections
from visionllm.structures.boxes import to_xywh

from .study import Study

MAX_PER_IMAGE = 100


def against_detector(study: Study, seed: int = 0) -> dict:
    """AP of the model with all names in random order and with random class tokens, and of the detector alone."""
    rng = np.random.default_rng(seed)
    names = [study.names[i] for i in rng.permutation(len(study.names))]
    rows = dict(model=study.box_ap(study.detect(study.write_with_random_tokens(names, rng))),
                detector=study.box_ap(detect_alone(study)))
    return dict(rows=rows, ratio=rows['model']['AP'] / rows['detector']['AP'])


def synonyms(study: Study, seed: int = 0) -> dict:
    """AP with VOC's names, none of which any training text holds, in place of COCO's, and with COCO's."""
    rng = np.random.default_rng(seed)
    renamed = [VOC_SYNONYMS.get(name, name) for name in study.names]
    categories = [dict(each, name=VOC_SYNONYMS.get(each['name'], each['name'])) for each in study.truth['categories']]
    other = replace(study, names=renamed, truth=study.truth | dict(categories=categories))
    rows = {name: each.box_ap(each.detect(each.write_with_random_tokens(each.names, rng)))
            for name, each in (("COCO's names", study), ("VOC's names", other))}
    changed = [name for name in study.names if name in VOC_SYNONYMS]
    for name, each, names in (("COCO's names, the changed ones", study, changed),
                              ("VOC's names, the changed ones", other, [VOC_SYNONYMS[name] for name in changed])):
        detections = each.detect(each.write_with_random_tokens(each.names, rng))
        rows[name] = average_precision(each.truth, detections, each.category_ids(names))
    return dict(rows=rows, ratio=rows["VOC's names"]['AP'] / rows["COCO's names"]['AP'])


def kinds(study: Study, seed: int = 0) -> dict:
    """AP with COCO's supercategories as the class set, and of the detector's boxes under the supercategories of their
    classes; of all, and of those that no training text holds."""
    rng = np.random.default_rng(seed)
    kind_of = {each['id']: each['supercategory'] for each in study.truth['categories'] if each['name'] in study.names}
    merged = merge_categories(study, kind_of)
    order = [merged.names[i] for i in rng.permutation(len(merged.names))]
    model = merged.detect(merged.write_with_random_tokens(order, rng))
    ids = {name: merged.category_ids([name])[0] for name in merged.names}
    alone = best_of_each_box([dict(record, category_id=ids[kind_of[record['category_id']]])
                              for record in detect_alone(study)])
    held_out = [name for name in merged.names if name in HELD_OUT_SUPERCATEGORIES]
    rows, ratios = {}, {}
    for label, names in (('all kinds', merged.names), ('kinds held out', held_out)):
        pair = [average_precision(merged.truth, records, merged.category_ids(names)) for records in (model, alone)]
        rows |= {f'{label}, model': pair[0], f'{label}, detector': pair[1]}
        ratios[label] = pair[0]['AP'] / pair[1]['AP']
    by_kind = {name: [average_precision(merged.truth, records, [ids[name]])['AP'] for records in (model, alone)]
               for name in merged.names}
    return dict(rows=rows, ratios=ratios, AP_of_model_and_detector=by_kind)


def presence(study: Study, absent: int = 10, seed: int = 0) -> dict:
    """AUROC of an image's best score for a name, of named classes that it holds against as many that it does not.

    Each image is asked for all of its classes and for ``absent`` others.
    """
    rng = np.random.default_rng(seed)
    name_of = {each['id']: each['name'] for each in study.truth['categories']}
    held = {image['id']: set() for image in study.truth['images']}
    for annotation in study.truth['annotations']:
        held[annotation['image_id']].add(name_of[annotation['category_id']])
    scores, there = [], []
    for index in range(len(study.dataset)):
        image = study.dataset.get_data_info(index)['img_id']
        present = sorted(held[image])
        if not present:
            continue
        others = [name for name in study.names if name not in held[image]]
        asked = [*present, *(others[i] for i in rng.permutation(len(others))[:absent])]
        asked = [asked[i] for i in rng.permutation(len(asked))]
        one = replace(study, dataset=[study.dataset[index]])
        best = dict.fromkeys(asked, 0.0)
        for record in one.detect(study.write_with_random_tokens(asked, rng)):
            name = name_of[record['category_id']]
            best[name] = max(best[name], record['score'])
        scores += list(best.values())
        there += [name in held[image] for name in best]
    return dict(auroc=auroc(np.array(scores), np.array(there)), named=len(there), there=int(np.sum(there)))


def auroc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve of ``float[n]`` scores and ``bool[n]`` labels: how often a positive one is higher."""
    high, low = scores[positive], np.sort(scores[~positive])
    below = np.searchsorted(low, high, 'left') + np.searchsorted(low, high, 'right')
    return float(below.mean() / (2 * len(low)))


def single_names(study: Study) -> dict:
    """AP where each name is the only one of its instruction, as people often ask, and where all are named together; and
    of the classes of ``NARROWER_NAMES`` by their own names and by the narrower ones, each alone."""
    together = study.detect(study.write_instruction(study.names))
    alone = {name: study.detect(study.write_instruction([name])) for name in study.names}
    some = [name for name in study.names if name in NARROWER_NAMES]
    renamed = [record for name in some for record in detect_by(study, name, NARROWER_NAMES[name])]
    everything = [record for records in alone.values() for record in records]
    return dict(rows={'all names together': study.box_ap(together), 'each name alone': study.box_ap(everything),
                      'own names alone': average_precision(study.truth, everything, study.category_ids(some)),
                      'narrower names alone': average_precision(study.truth, renamed, study.category_ids(some))})


def detect_by(study: Study, name: str, other: str) -> list[dict]:
    """COCO result records of the class ``name`` where the instruction calls it by another name."""
    number = study.category_ids([name])[0]
    asked = replace(study, names=[other], truth=study.truth | dict(categories=[dict(id=number, name=other)]))
    return asked.detect(asked.write_instruction([other]))


def merge_categories(study: Study, kind_of: dict[int, str]) -> Study:
    """A study with kinds as its classes.

    Args:
        kind_of: Kind of each category id.
    """
    names = list(dict.fromkeys(kind_of.values()))
    annotations = [dict(each, category_id=names.index(kind_of[each['category_id']]) + 1)
                   for each in study.truth['annotations'] if each['category_id'] in kind_of]
    categories = [dict(id=number, name=name) for number, name in enumerate(names, 1)]
    return replace(study, names=names, truth=study.truth | dict(categories=categories, annotations=annotations))


def best_of_each_box(records: list[dict]) -> list[dict]:
    """Result records without those that repeat the box and the category of a better one."""
    best = {}
    for record in sorted(records, key=lambda each: -each['score']):
        best.setdefault((record['image_id'], record['category_id'], record['token']), record)
    return list(best.values())


@torch.no_grad()
def detect_alone(study: Study) -> list[dict]:
    """COCO result records of the detector itself: its best pairs of a box and a class, at most 100 of each image."""
    records = []
    tokenizer, model = study.model.connector, study.model
    ids = dict(zip(study.names, study.category_ids(study.names)))
    for index in range(len(study.dataset)):
        batch = model.data_preprocessor(pseudo_collate([study.dataset[index]]))
        sample = batch['data_samples'][0]
        images = real_pixels(batch['inputs'], batch_pixel_mask(batch['inputs'], [sample]))
        records += [dict(record, image_id=sample.img_id, category_id=ids[record['name']])
                    for record in own_records(tokenizer.detector(images), tokenizer.detector.class_names,
                                              sample.ori_shape[::-1]) if record['name'] in ids]
    return records


def own_records(detections: Detections, class_names: tuple[str, ...], size: tuple[int, int]) -> list[dict]:
    """Best pairs of a box and a class of one image, with ``bbox`` (xywh in pixels), ``score``, ``name``, ``token``.

    Args:
        size: Width and height in pixels.
    """
    scores = detections.class_logits[0].sigmoid()
    best, index = scores.flatten().topk(min(MAX_PER_IMAGE, scores.numel()))
    boxes: Tensor = bbox_cxcywh_to_xyxy(detections.boxes[0]).clamp(0, 1) * detections.boxes.new_tensor([*size, *size])
    tokens, labels = index // scores.shape[1], index % scores.shape[1]
    return [dict(bbox=to_xywh(box), score=score, name=class_names[label], token=token)
            for score, token, label, box in zip(best.tolist(), tokens.tolist(), labels.tolist(),
                                                boxes[tokens].tolist())]

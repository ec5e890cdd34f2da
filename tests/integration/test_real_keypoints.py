"""Keypoints of people on real images, from COCO's own file: trained and tested end to end, too briefly to learn."""

import copy

import torch
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper
from torch.optim import AdamW

from visionllm.datasets import KeypointCocoDataset, instruction_collate
from visionllm.evaluation import KeypointMetric
from visionllm.language.tasks import PERSON_POINTS

LOAD, BOXES, POINTS = dict(type='LoadImage'), dict(type='LoadAnnotations', with_bbox=True), dict(type='LoadKeypoints')
RESIZE, PACK = dict(type='Resize', scale=(224, 128)), dict(type='PackInstructionInputs', task='keypoints')


def people(data, split, *steps):
    return KeypointCocoDataset(
        ann_file=f'annotations/person_keypoints_{split}2017.json', data_root=str(data / 'coco-mini'),
        data_prefix=dict(img=f'{split}2017/'), metainfo=dict(classes=('person', )), pipeline=list(steps))


def test_train_and_test(data, tiny):
    model = copy.deepcopy(tiny).train()
    optimizer = OptimWrapper(AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3))
    trained = people(data, 'train', LOAD, BOXES, RESIZE, dict(type='RandomFlip', prob=0.5), POINTS, PACK)
    for step in range(3):
        batch = instruction_collate([trained[2 * step + i] for i in range(2)])
        losses = model.train_step(batch, optimizer)
        assert all(torch.isfinite(value).all() for value in losses.values())
    tested = people(data, 'val', LOAD, RESIZE, BOXES, POINTS, dict(type='WriteInstruction', task='keypoints'), PACK)
    metric = KeypointMetric(str(data / 'coco-mini/annotations/person_keypoints_val2017.json'))
    model.eval()
    for index in range(4):
        with torch.no_grad():
            answers = model.test_step(pseudo_collate([tested[index]]))
        found = answers[0].pred_instances
        height, width = answers[0].ori_shape
        assert found.keypoints.shape[1:] == (len(PERSON_POINTS), 2) and found.keypoints.isfinite().all()
        assert (found.keypoints >= 0).all() and (found.keypoints <= torch.tensor([width, height]) + 1).all()
        metric.process({}, [answers[0].to_dict()])
    assert 0 <= metric.compute_metrics(metric.results)['AP'] <= 100

# Detection by instruction on real pictures, for a patient CPU. It has seen as many batches as its specialist when it
# ends: 3500 as deformable-detr_small_coco.py, 200 to make image tokens words, 300 to answer.
#   VISIONLLM_COCO=... VISIONLLM_BACKBONE=... python tools/train.py configs/visionllm/visionllm_small_coco.py
_base_ = [
    '../_base_/models/visionllm_small.py',
    '../_base_/datasets/coco_instruction_256.py',
    '../_base_/schedules/three_lessons.py',
    '../_base_/default_runtime.py',
]
model = dict(
    frozen=('backbone.*', 'neck.*'),
    init_cfg=dict(type='TokenizerPretrained', checkpoint='work_dirs/deformable-detr_small_coco/iter_3500.pth'))
max_iters = 300
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, T_max=max_iters - 20, eta_min=0),
]
default_hooks = dict(checkpoint=dict(interval=100))

_base_ = [
    '../_base_/models/deformable-detr_nano.py',
    '../_base_/datasets/scenes_detection.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]
max_iters = 5000
train_cfg = dict(max_iters=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=max_iters, T_max=max_iters - 100, eta_min=0),
]

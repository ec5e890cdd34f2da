# The image tokenizer alone, guided by text: contours of all objects, and the object that a phrase refers to. No
# language model. Starts from the detector's tokenizer; the generalist starts from it.
#   python tools/train.py configs/guided_detr/guided-detr_nano_scenes.py --amp
_base_ = [
    '../_base_/models/visionllm_nano.py',
    '../_base_/datasets/scenes_five_tasks.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]
model = dict(
    connector=dict(contour_points=64),
    refiners=None,
    llm=None,
    heads=dict(_delete_=True, proposals=dict(type='ProposalHead')),
    init_cfg=dict(type='TokenizerPretrained', checkpoint='work_dirs/visionllm_nano_scenes/iter_420.pth'))
train_dataloader = dict(sampler=dict(weights=[0, 1, 2, 0, 0]))
val_dataloader = dict(
    _delete_=True, batch_size=16, num_workers=1, persistent_workers=True, drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False), dataset={{_base_.test_expressions}})
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='GroundingMetric')
test_evaluator = val_evaluator
custom_hooks = [dict(type='ChannelsLast')]
max_iters = 5000
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=4e-4), paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.25))))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineRestartLR', by_epoch=False, begin=100, end=max_iters, periods=[1900, 3000],
         restart_weights=[1, 0.75], eta_min=0),
]

# Named corners of shapes for the shipped model, which it has never been asked for. About ten minutes of one core.
#   python tools/train.py configs/visionllm/visionllm_nano_scenes-keypoints.py
# Keypoint AP on the first 96 unseen scenes: 62.4 (AP50 82.6, AP75 67.7).
_base_ = [
    '../_base_/models/visionllm_nano_five_tasks.py',
    '../_base_/datasets/scenes_keypoints.py',
    '../_base_/schedules/adamw_cosine_pretrained.py',
    '../_base_/default_runtime.py',
]
model = dict(
    frozen=('backbone.*', 'neck.*', 'connector.*', 'refiners.*'),
    heads=dict(tuples=dict(coordinates=dict(location_prior=dict(
        keypoint_branch=dict(type='KeypointBranch', in_channels=(24, 48, 96, 128)))))),  # the RoI refiner's widths
    init_cfg=dict(type='Pretrained', checkpoint='visionllm://scenes'))
custom_hooks = [
    dict(type='ChannelsLast'),
    dict(type='PretrainingHook', stages=[
        dict(type='KeypointLocalization', name='keypoint-localization', steps=900)]),
]
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={
    'heads.tuples.coordinates.location_prior.keypoint_branch.location_scale': dict(lr_mult=10.0)}))
max_iters = 60
train_cfg = dict(max_iters=max_iters)
default_hooks = dict(logger=dict(interval=10))
log_processor = dict(window_size=10)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=10),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=10, end=max_iters, T_max=max_iters - 10, eta_min=0),
]
val_cfg = val_dataloader = val_evaluator = None  # measured once, by tools/test.py

# Detection by instruction on synthetic scenes, the tokenizer not trained before: what the specialist brings.
#   python tools/train.py configs/visionllm/visionllm_nano_scenes-from-scratch.py
_base_ = './visionllm_nano_scenes.py'
model = dict(frozen=(), init_cfg=None)
custom_hooks = [
    dict(type='ChannelsLast'),
    dict(type='PretrainingHook', stages=[dict(type='ClassMapReading', name='class-map-reading', steps=240)]),
    dict(type='RehearseReading'),
]
max_iters = 400
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(
    optimizer=dict(lr=6e-4),  # the specialist's
    paramwise_cfg=dict(custom_keys={'connector': dict(lr_mult=1.0), 'connector.guidance': dict(lr_mult=1.0),
                                    'refiners.roi': dict(lr_mult=1.0)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='MultiStepLR', by_epoch=False, milestones=[260, 330], gamma=0.1),
]

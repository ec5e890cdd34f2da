# Five tasks from one set of weights, on synthetic scenes.
#   python tools/train.py configs/visionllm/visionllm_nano_scenes-five-tasks.py
# The second stage: starts from the detector of visionllm_nano_scenes.py, with the tokenizer of guided-detr_nano_scenes.py.
_base_ = [
    '../_base_/models/visionllm_nano_five_tasks.py',
    '../_base_/datasets/scenes_five_tasks.py',
    '../_base_/schedules/three_lessons.py',
    '../_base_/default_runtime.py',
]
model = dict(
    frozen=('backbone.*', 'neck.*'),
    init_cfg=[dict(type='Pretrained', checkpoint='work_dirs/visionllm_nano_scenes/iter_420.pth'),
              dict(type='TokenizerPretrained', checkpoint='work_dirs/guided-detr_nano_scenes/iter_5000.pth')])
custom_hooks = [
    dict(type='ChannelsLast'),
    dict(type='TeachReading', steps=0),
    # lessons of one kind go on from one another: what was lacking was drilled
    dict(type='TeachTelling', steps=1300, batch_size=8, weights=[0, 0, 0, 1, 1], cache='work_dirs/telling_nano.pth'),
    dict(type='TeachTelling', steps=450, batch_size=8, lr=5e-4, drills=6, weights=[0, 0, 0, 1, 2],
         cache='work_dirs/telling_more_nano.pth'),
    dict(type='TeachTelling', steps=400, batch_size=8, lr=6e-4, drills=12, weights=[0, 0, 0, 1, 4],
         cache='work_dirs/telling_most_nano.pth'),
    dict(type='TeachTelling', steps=450, batch_size=8, lr=1e-3, drills=12, weights=[0, 0, 0, 1, 3],
         cache='work_dirs/telling_spaced_nano.pth'),
    dict(type='TeachTelling', steps=500, batch_size=8, lr=8e-4, drills=12, weights=[0, 0, 0, 1, 3],
         cache='work_dirs/telling_balanced_nano.pth'),
    dict(type='TeachLooking', steps=8000, weights=[1, 0, 0, 1, 0], cache='work_dirs/looking_nano.pth'),
    dict(type='TeachPointing', steps=1600, lr=1e-3, batch_size=64, weights=[1, 0, 8, 1, 1],
         cache='work_dirs/pointing_nano.pth'),
    dict(type='TeachPointing', steps=1300, lr=1e-3, batch_size=64, weights=[0, 0, 1, 0, 0],
         cache='work_dirs/pointing_more_nano.pth'),
    dict(type='TeachWords', steps=1000, weights=[1, 1, 3, 1, 0], cache='work_dirs/words_five_nano.pth'),
    dict(type='TeachTracing', steps=2400, lr=2e-3, weights=[0, 1, 0, 0, 0], cache='work_dirs/tracing_nano.pth'),
]
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'token_guidance': dict(lr_mult=0.025),
                                                     'heads.tuples.mask_branch': dict(lr_mult=0.05),
                                                     'heads.text': dict(lr_mult=0.25)}))
max_iters = 200
train_cfg = dict(max_iters=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, T_max=max_iters - 20, eta_min=0),
]
default_hooks = dict(checkpoint=dict(interval=100))
val_cfg = val_dataloader = val_evaluator = None  # measured once, by tools/test.py

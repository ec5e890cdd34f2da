# Five tasks from one set of weights, on synthetic scenes.
#   python tools/train.py configs/visionllm/visionllm_nano_scenes-five-tasks.py
# Starts from the tokenizer of guided-detr_nano_scenes.py, whose prototypes know no names any more.
_base_ = [
    '../_base_/models/visionllm_nano.py',
    '../_base_/datasets/scenes_five_tasks.py',
    '../_base_/schedules/three_lessons.py',
    '../_base_/default_runtime.py',
]
model = dict(
    connector=dict(ring_points=64),
    token_guidance=dict(type='TokenGuidance'),
    heads=dict(text=dict(type='NextTokenHead')),
    frozen=('backbone.*', 'neck.*'),
    init_cfg=dict(type='TokenizerPretrained', checkpoint='work_dirs/guided-detr_nano_scenes/iter_4000.pth'))
custom_hooks = [
    dict(type='ChannelsLast'),
    dict(type='TeachReading', steps=240, cache='work_dirs/reading_smollm2-135m_r16.pth'),
    dict(type='TeachTelling', steps=1200, batch_size=8, weights=[0, 0, 0, 1, 1], cache='work_dirs/telling_nano.pth'),
    dict(type='TeachLooking', steps=12000, weights=[1, 0, 0, 1, 0], cache='work_dirs/looking_nano.pth'),
    dict(type='TeachPointing', steps=3000, lr=1e-3, batch_size=64, weights=[1, 0, 6, 1, 1],
         cache='work_dirs/pointing_nano.pth'),
    dict(type='TeachWords', steps=600, weights=[1, 1, 3, 1, 0], cache='work_dirs/words_five_nano.pth'),
]
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'token_guidance': dict(lr_mult=0.25),
                                                     'heads.text': dict(lr_mult=0.25)}))
default_hooks = dict(checkpoint=dict(interval=100))
val_cfg = val_dataloader = val_evaluator = None  # measured once, by tools/test.py

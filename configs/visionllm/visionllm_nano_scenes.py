# Detection by instruction on synthetic scenes.
#   python tools/train.py configs/visionllm/visionllm_nano_scenes.py
# Starts from the tokenizer of deformable-detr_nano_scenes.py, first learns to read class maps (text only), then to
# answer pictures. Frozen: backbone and neck. Cost and results: README.
_base_ = [
    '../_base_/models/visionllm_nano.py',
    '../_base_/datasets/scenes_instruction.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]
model = dict(
    frozen=('backbone.*', 'neck.*'),
    init_cfg=dict(type='DeformableDETRPretrained', checkpoint='work_dirs/deformable-detr_nano_scenes/latest.pth'))

custom_hooks = [
    dict(type='TeachReading', steps=240, cache='work_dirs/reading_smollm2-135m_r16.pth'),
    dict(type='TeachWords', steps=400),
]

max_iters = 600
train_cfg = dict(max_iters=max_iters, val_interval=200)
optim_wrapper = dict(
    optimizer=dict(lr=4e-4, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys={'connector': dict(lr_mult=0.25),
                                    'connector.guidance': dict(lr_mult=1.0),
                                    'connector.objectness_branches': dict(lr_mult=1.0),
                                    'llm.decoder': dict(lr_mult=0.25, decay_mult=0.0),
                                    'llm.new_rows': dict(lr_mult=0.5, decay_mult=0.0)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, T_max=max_iters - 20, eta_min=0),
]
default_hooks = dict(checkpoint=dict(interval=100))

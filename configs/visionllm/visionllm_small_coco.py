# Detection by instruction on real pictures, from the same backbone and steps as deformable-detr_small_coco.py.
#   VISIONLLM_COCO=... VISIONLLM_BACKBONE=... python tools/train.py configs/visionllm/visionllm_small_coco.py
# Start it from a trained tokenizer with
#   --cfg-options model.init_cfg.type=DeformableDETRPretrained model.init_cfg.checkpoint=...
_base_ = [
    '../_base_/models/visionllm_small.py',
    '../_base_/datasets/coco_instruction_256.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]
custom_hooks = [
    dict(type='ChannelsLast'),
    dict(type='TeachReading', steps=240, cache='work_dirs/reading_smollm2-135m_r16.pth'),
]
max_iters = 4000
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={
    'backbone': dict(lr_mult=0.1), 'llm': dict(lr_mult=0.3, decay_mult=0.0)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=max_iters, T_max=max_iters - 100, eta_min=0),
]

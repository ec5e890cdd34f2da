# Detection by instruction on real images, for a CPU. It has seen as many batches as its specialist when it
# ends: 3500 as deformable-detr_small_coco.py, 450 to make image tokens words, 50 to answer.
#   VISIONLLM_COCO=... VISIONLLM_BACKBONE=... python tools/train.py configs/visionllm/visionllm_small_coco.py
_base_ = [
    '../_base_/models/visionllm_small.py',
    '../_base_/datasets/coco_instruction_256.py',
    '../_base_/schedules/adamw_cosine_pretrained.py',
    '../_base_/default_runtime.py',
]
model = dict(
    frozen=('backbone.*', 'neck.*'),
    heads=dict(tuples=dict(class_reader=dict(initial_scale=0.03))),
    init_cfg=dict(type='TokenizerPretrained', checkpoint='work_dirs/deformable-detr_small_coco/iter_3500.pth'))
custom_hooks = [
    dict(type='ChannelsLast'),
    dict(type='PretrainingHook', stages=[
        dict(type='ClassMapReading', name='class-map-reading', steps=240),
        dict(type='TokenWordAlignment', name='token-word-alignment-coco', steps=450, from_detector=True),
    ]),
    dict(type='RehearseReading'),
]
# On 1,771 images whatever learns from answers learns these images and forgets the rest: the tokenizer, the words,
# the language model (docs/results/detector.md). So training only fits the scales of name alignment and objectness.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={
    'connector': dict(lr_mult=0.0), 'connector.guidance': dict(lr_mult=0.0), 'llm.decoder': dict(lr_mult=0.0),
    'llm.new_rows': dict(lr_mult=0.0), 'heads.tuples': dict(lr_mult=0.0),
    'heads.tuples.class_reader.scale': dict(lr_mult=0.0),
    'heads.tuples.alignment.log_scale': dict(lr_mult=1.0)}))
max_iters = 50
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, T_max=max_iters - 20, eta_min=0),
]
default_hooks = dict(checkpoint=dict(interval=50))

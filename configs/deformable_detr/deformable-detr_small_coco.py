# The specialist on real images: MobileNetV2 (ImageNet), short side 256, any COCO-format folder.
#   VISIONLLM_COCO=... VISIONLLM_BACKBONE=... \
#   python tools/train.py configs/deformable_detr/deformable-detr_small_coco.py --amp
_base_ = [
    '../_base_/models/deformable-detr_small.py',
    '../_base_/datasets/coco_instruction_256.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(collate_fn=dict(_delete_=True, type='pseudo_collate'))
custom_hooks = [dict(type='ChannelsLast')]
max_iters = 4000
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=max_iters, T_max=max_iters - 100, eta_min=0),
]

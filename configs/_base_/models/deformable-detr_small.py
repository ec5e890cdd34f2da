# Deformable DETR on an ImageNet-trained MobileNetV2, for real images of 256 pixels; 100 queries. Strides 16 to 128:
# stride 8 would cost four times the rest, and this is to be trained on a CPU.
# Weights: VISIONLLM_BACKBONE names a MobileNetV2 checkpoint with mmdet's parameter names.
_base_ = './deformable-detr_nano.py'
model = dict(
    num_queries=100,
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5], pad_size_divisor=32),
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        out_indices=(4, 6),
        frozen_stages=4,
        norm_eval=True,
        init_cfg=dict(type='Pretrained', checkpoint='{{$VISIONLLM_BACKBONE:mobilenet_v2_mmdet_names.pth}}')),
    neck=dict(in_channels=[96, 320]),
    encoder=dict(num_layers=2),
    bbox_head=dict(num_classes=80))

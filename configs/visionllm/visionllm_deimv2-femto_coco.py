# DEIMv2-HGNetv2-Femto (0.96 M parameters, 416 px, 31.0 AP on val2017 as published) that takes orders.
#   VISIONLLM_COCO=... python tools/train.py configs/visionllm/visionllm_deimv2-femto_coco.py
# Cost: 60 steps of 8 images, minutes. The detector is the folder weights/deimv2-femto-coco of VISIONLLM_DATA.
_base_ = [
    '../_base_/models/visionllm_deimv2-femto.py',
    '../_base_/datasets/coco_photographs.py',
    '../_base_/schedules/score_calibration.py',
    '../_base_/default_runtime.py',
]

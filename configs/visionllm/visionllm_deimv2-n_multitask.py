# DEIMv2-HGNetv2-N on the paper's second stage's data: COCO, RefCOCO, RefCOCO+ and RefCOCOg, COCO captions and
# LLaVA-Instruct-150K, laid out as _base_/datasets/coco_multitask.py says. What is learned starts from the shipped model.
#   VISIONLLM_COCO=... VISIONLLM_REFCOCO=... python tools/train.py configs/visionllm/visionllm_deimv2-n_multitask.py
# Cost (visionllm cost CONFIG): measured on your machine, stage by stage. Never run here at this size: the hub could not be
# reached; the same road with DEIMv2-Femto and a few images is a test (tests/integration/test_hub_detector.py).
_base_ = [
    '../_base_/models/visionllm_detector.py',
    '../_base_/datasets/coco_multitask.py',
    '../_base_/schedules/score_calibration.py',
    '../_base_/default_runtime.py',
]
model = dict(connector=dict(detector=dict(type='TransformersDetector', source='Intellindust/DEIMv2_HGNetv2_N_COCO')))
custom_hooks = [
    dict(type='PretrainingHook', stages=[
        dict(type='ReferringExpressions', name='referring-expressions-refcoco', steps=10000, batch_size=32,
             dataset_weights=[0, 0, 2, 1, 1, 0, 0]),
        dict(type='MaskPrediction', name='mask-prediction-coco', steps=20000, batch_size=8, boxes='annotated',
             dataset_weights=[0, 1, 0, 0, 0, 0, 0]),
        dict(type='InstructionTuning', name='instruction-tuning-coco', steps=20000, lr=1e-3, batch_size=12,
             dataset_weights=[0, 0, 0, 0, 0, 1, 1]),
    ]),
]
train_dataloader = dict(batch_size=8, sampler=dict(batch_size=8, weights=[1, 0, 0, 0, 0, 0, 0]))  # of the calibration

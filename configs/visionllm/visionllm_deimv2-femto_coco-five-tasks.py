# DEIMv2-Femto for five tasks: masks, captions and answers are those of the shipped model; which of its detections an
# expression means is learned from its own scores.
#   VISIONLLM_COCO=... VISIONLLM_VOC=... VISIONLLM_REFCOCO=... python tools/train.py \
#     configs/visionllm/visionllm_deimv2-femto_coco-five-tasks.py
# Cost: about an hour on one core. Expected: docs/results/photographs.md.
_base_ = [
    '../_base_/models/visionllm_deimv2-femto.py',
    '../_base_/datasets/photographs_multitask.py',
    '../_base_/schedules/score_calibration.py',
    '../_base_/default_runtime.py',
]
custom_hooks = [
    dict(type='PretrainingHook', stages=[
        # run as 1200 and 1500 steps of 16 expressions of each kind
        dict(type='ReferringExpressions', name='referring-expressions', steps=1350, lr=5e-4, batch_size=32,
             layouts='{{$VISIONLLM_REFCOCO:data/refcoco/}}/REC_*.jsonl', dataset_weights=[0, 0, 0, 2, 1, 0, 0]),
    ]),
]

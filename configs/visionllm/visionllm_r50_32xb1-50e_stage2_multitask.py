# The paper's second stage: five tasks, the backbone frozen. Its figures: box AP 44.6, mask AP 25.1, RefCOCO val P@0.5 80.6,
# BLEU-4 31.0, CIDEr 112.5.
#   torchrun --nnodes 4 --nproc_per_node 8 tools/train.py configs/visionllm/visionllm_r50_32xb1-50e_stage2_multitask.py --launcher pytorch
# Cost (visionllm cost CONFIG --gpus 32): 23 TFLOP a step, 27 GB a GPU; 9.5 hours on 32 A100s at 40 % of their peak.
# Not run by us at this size. Starts from visionllm_r50_32xb1-50e_stage1_coco.py.
_base_ = [
    '../_base_/models/visionllm_r50.py',
    '../_base_/datasets/coco_multitask.py',
    '../_base_/schedules/adamw_cosine_50e_coco.py',
    '../_base_/default_runtime.py',
]
model = dict(
    frozen=('backbone.*', ),
    backbone=dict(init_cfg=None),
    init_cfg=dict(type='Pretrained',
                  checkpoint='work_dirs/visionllm_r50_32xb1-50e_stage1_coco/iter_183200.pth'))
default_hooks = dict(checkpoint=dict(interval={{_base_.epoch}}))

# The paper's second stage with InternImage-H. Its figures: box AP 60.2, mask AP 30.6, RefCOCO val P@0.5 86.7, BLEU-4 32.1,
# CIDEr 114.2.
#   torchrun --nnodes 4 --nproc_per_node 8 tools/train.py configs/visionllm/visionllm_internimage-h_32xb1-50e_stage2_multitask.py --launcher pytorch
# Cost (visionllm cost CONFIG --gpus 32): 31 TFLOP a step, 31 GB a GPU; 13 hours on 32 A100s at 40 % of their peak.
# Not run by us at this size. Starts from visionllm_internimage-h_32xb1-50e_stage1_coco.py.
_base_ = './visionllm_r50_32xb1-50e_stage2_multitask.py'
model = dict(
    backbone=dict(_delete_=True, type='InternImage', arch='h', out_indices=(1, 2, 3), init_cfg=None),
    neck=dict(in_channels=[640, 1280, 2560]),
    init_cfg=dict(checkpoint='work_dirs/visionllm_internimage-h_32xb1-50e_stage1_coco/iter_183200.pth'))

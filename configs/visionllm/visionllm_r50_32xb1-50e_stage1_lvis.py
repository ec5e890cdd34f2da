# Detection of LVIS's 1,203 classes, ResNet-50, 32 GPUs with one image each, for as many steps as 50 epochs of COCO.
# The paper's figure: 18.9 AP.
#   torchrun --nnodes 4 --nproc_per_node 8 tools/train.py configs/visionllm/visionllm_r50_32xb1-50e_stage1_lvis.py --launcher pytorch
# Not run by us at this size. Starts from MMDetection's Deformable DETR and its backbone, BERT-Base and LLaMA-7B.
_base_ = [
    '../_base_/models/visionllm_r50.py',
    '../_base_/datasets/lvis_instruction.py',
    '../_base_/schedules/adamw_cosine_50e_coco.py',
    '../_base_/default_runtime.py',
]
model = dict(
    backbone=dict(init_cfg=None),  # the detector brings its own
    heads=dict(tuples=dict(max_per_img=300)),  # as many as LVIS's AP looks at
    init_cfg=dict(
        type='TokenizerPretrained',
        checkpoint='https://download.openmmlab.com/mmdetection/v3.0/deformable_detr/deformable-detr_r50_16xb2-50e_coco/'
        'deformable-detr_r50_16xb2-50e_coco_20221029_210934-6bc7d21b.pth'))
default_hooks = dict(checkpoint=dict(interval={{_base_.epoch}}))

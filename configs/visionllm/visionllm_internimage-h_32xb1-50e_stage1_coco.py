# The paper's first stage with its larger backbone, InternImage-H (1.1 billion parameters).
#   torchrun --nnodes 4 --nproc_per_node 8 tools/train.py configs/visionllm/visionllm_internimage-h_32xb1-50e_stage1_coco.py --launcher pytorch
# Cost (visionllm cost CONFIG --gpus 32): 61 TFLOP a step, 41 GB a GPU; 25 hours on 32 A100s at 40 % of their peak.
# Not run by us at this size. The backbone starts from its authors' weights (ImageNet-22K and others), the detector anew.
_base_ = './visionllm_r50_32xb1-50e_stage1_coco.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='InternImage',
        arch='h',
        drop_path_rate=0.5,
        out_indices=(1, 2, 3),
        with_cp=True,
        init_cfg=dict(
            type='BackbonePretrained',
            checkpoint='https://huggingface.co/OpenGVLab/InternImage/resolve/main/internimage_h_jointto22k_384.pth')),
    neck=dict(in_channels=[640, 1280, 2560]),
    init_cfg=None)

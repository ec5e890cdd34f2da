# The paper's first stage: detection, ResNet-50, 32 GPUs with one image each, 50 epochs. Its figure: 44.8 box AP.
#   torchrun --nnodes 4 --nproc_per_node 8 tools/train.py configs/visionllm/visionllm_r50_32xb1-50e_stage1_coco.py --launcher pytorch
# Cost (visionllm cost CONFIG --gpus 32): 30 TFLOP a step, 27 GB a GPU; 12 hours on 32 A100s at 40 % of their peak.
# Not run by us at this size. Starts from MMDetection's Deformable DETR and its backbone, BERT-Base and LLaMA-7B; the
# detector may as well be its authors' (r50_deformable_detr-checkpoint.pth) or Hugging Face's
# (https://huggingface.co/SenseTime/deformable-detr/resolve/main/model.safetensors).
_base_ = [
    '../_base_/models/visionllm_r50.py',
    '../_base_/datasets/coco_instruction.py',
    '../_base_/schedules/adamw_cosine_50e_coco.py',
    '../_base_/default_runtime.py',
]
model = dict(
    backbone=dict(init_cfg=None),  # the detector brings its own
    init_cfg=dict(
        type='TokenizerPretrained',
        checkpoint='https://download.openmmlab.com/mmdetection/v3.0/deformable_detr/deformable-detr_r50_16xb2-50e_coco/'
        'deformable-detr_r50_16xb2-50e_coco_20221029_210934-6bc7d21b.pth'))
default_hooks = dict(checkpoint=dict(interval={{_base_.epoch}}))

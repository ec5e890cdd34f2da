# The first stage of LLaVA 1.5: the projector alone, one epoch of 558,128 captions, 256 a step.
#   VISIONLLM_LLAVA=... bash tools/dist_train.sh \
#     configs/llava/llava_clip-vit-l-336_vicuna-7b_8xb32-1e_stage1_llava-pretrain.py 8
# Cost: within 4 hours of 8 A100s (the paper's, 595,000 pictures); not run here. Expected: no figure of its own, see
# stage 2.
_base_ = [
    '../_base_/models/llava_clip-vit-l-336_vicuna-7b.py',
    '../_base_/datasets/llava_pretrain.py',
    '../_base_/schedules/llava.py',
    '../_base_/default_runtime.py',
]
model = dict(frozen=('llm.*', ), heads=dict(text=dict(conversation='plain')))
val_cfg = val_dataloader = val_evaluator = None
max_iters = 558128 // 256
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(type='AmpOptimWrapper', dtype='bfloat16', optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=65),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=65, end=max_iters, T_max=max_iters - 65, eta_min=0),
]

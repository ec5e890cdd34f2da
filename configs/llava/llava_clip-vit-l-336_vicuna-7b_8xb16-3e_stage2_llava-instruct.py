# The second stage of LLaVA: projector and the whole language model, three epochs of llava_instruct_150k.json, 128 a step.
#   VISIONLLM_COCO=... bash tools/dist_train.sh \
#     configs/llava/llava_clip-vit-l-336_vicuna-7b_8xb16-3e_stage2_llava-instruct.py 8
# Cost: within 10 hours of 8 A100s (the paper's); not run here. Expected: LLaVA-Bench (COCO) 85.1 against GPT-4 on text
# (the paper's 13B, table 4), by tools/llava_bench.py.
_base_ = [
    '../_base_/models/llava_clip-vit-l-336_vicuna-7b.py',
    '../_base_/datasets/llava_instruct.py',
    '../_base_/schedules/llava.py',
    '../_base_/default_runtime.py',
]
stage1 = 'work_dirs/llava_clip-vit-l-336_vicuna-7b_8xb32-1e_stage1_llava-pretrain/iter_2180.pth'
model = dict(
    llm=dict(trained=True, dtype='float32', gradient_checkpointing=True),
    init_cfg=dict(type='Pretrained', checkpoint=stage1))
train_dataloader = dict(batch_size=16, num_workers=8, sampler=dict(batch_size=16))
val_cfg = val_dataloader = val_evaluator = None
max_iters = 3 * 157712 // 128
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(type='AmpOptimWrapper', dtype='bfloat16', optimizer=dict(lr=2e-5))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=110),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=110, end=max_iters, T_max=max_iters - 110, eta_min=0),
]

# LLaVA on ScienceQA: projector and the whole language model, 12 epochs of the training questions with a picture.
#   VISIONLLM_SCIENCEQA=... bash tools/dist_train.sh \
#     configs/llava/llava_clip-vit-l-336_vicuna-7b_8xb16-12e_scienceqa.py 8
# Cost: not run here. Expected: 88.0 % of the test questions with a picture (the paper's 13B, table 7, column IMG; there
# trained on those without a picture as well).
_base_ = [
    '../_base_/models/llava_clip-vit-l-336_vicuna-7b.py',
    '../_base_/datasets/science_qa.py',
    '../_base_/schedules/llava.py',
    '../_base_/default_runtime.py',
]
stage1 = 'work_dirs/llava_clip-vit-l-336_vicuna-7b_8xb32-1e_stage1_llava-pretrain/iter_2180.pth'
model = dict(
    llm=dict(trained=True, dtype='float32', gradient_checkpointing=True),
    init_cfg=dict(type='Pretrained', checkpoint=stage1))
val_cfg = val_dataloader = val_evaluator = None
max_iters = 12 * 6218 // 128
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(type='AmpOptimWrapper', dtype='bfloat16', optimizer=dict(lr=2e-5))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, T_max=max_iters - 20, eta_min=0),
]

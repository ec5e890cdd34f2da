# LLaVA on photographs, first stage: the projector alone, on captions; first on the names of objects in the cells.
#   VISIONLLM_COCO=... python tools/train.py configs/llava/llava_efficientnet-lite0_smollm2-135m_stage1_coco.py
# Cost: 9 minutes of a shared core. Expected: CIDEr 22.0 (docs/results/llava.md).
_base_ = [
    '../_base_/models/llava_efficientnet-lite0_smollm2-135m.py',
    '../_base_/datasets/coco_captions.py',
    '../_base_/schedules/llava.py',
    '../_base_/default_runtime.py',
]
model = dict(frozen=('llm.*', ), heads=dict(text=dict(conversation='plain')))
custom_hooks = [
    dict(type='PretrainingHook', stages=[
        dict(type='ProjectorAlignment', name='projector-alignment-photographs', steps=100, lr=2e-3, batch_size=16),
    ]),
]
train_dataloader = dict(batch_size=4, sampler=dict(batch_size=4))
val_cfg = val_dataloader = val_evaluator = None  # measured once, by tools/test.py
max_iters = 150
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=5),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=5, end=max_iters, T_max=max_iters - 5, eta_min=0),
]
default_hooks = dict(checkpoint=dict(interval=50), logger=dict(interval=10))

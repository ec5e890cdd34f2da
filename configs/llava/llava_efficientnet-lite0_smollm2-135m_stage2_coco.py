# LLaVA on photographs, second stage: projector and LoRA of the language model, on captions.
#   VISIONLLM_COCO=... python tools/train.py configs/llava/llava_efficientnet-lite0_smollm2-135m_stage2_coco.py
# Cost: 11 minutes of a shared core. Expected: CIDEr 38.3, with a grey picture 5.2 (docs/results/llava.md).
_base_ = './llava_efficientnet-lite0_smollm2-135m_stage1_coco.py'
model = dict(
    frozen=('llm.new_rows.*', ),
    heads=dict(text=dict(conversation='v1')),
    init_cfg=dict(
        type='Pretrained',
        checkpoint='work_dirs/llava_efficientnet-lite0_smollm2-135m_stage1_coco/iter_30.pth'))
custom_hooks = []
max_iters = 120
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=5),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=5, end=max_iters, T_max=max_iters - 5, eta_min=0),
]

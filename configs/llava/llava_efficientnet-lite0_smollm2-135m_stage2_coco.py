# LLaVA on photographs, second stage: projector and LoRA of the language model, on captions.
#   VISIONLLM_COCO=... python tools/train.py configs/llava/llava_efficientnet-lite0_smollm2-135m_stage2_coco.py
# Cost: about 18 minutes of a core. Expected: CIDEr 50.0, with a grey picture 4.8 (docs/results/llava.md).
_base_ = './llava_efficientnet-lite0_smollm2-135m_stage1_coco.py'
model = dict(
    frozen=('llm.new_rows.*', ),
    heads=dict(text=dict(conversation='v1')),
    init_cfg=dict(
        type='Pretrained',
        checkpoint='work_dirs/llava_efficientnet-lite0_smollm2-135m_stage1_coco/iter_150.pth'))
custom_hooks = []
max_iters = 400
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=5),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=5, end=max_iters, T_max=max_iters - 5, eta_min=0),
]

# Flamingo on episodes of nonsense names for classes of photographs: EfficientNet-Lite0 and SmolLM2-135M-Instruct, both
# frozen.
#   VISIONLLM_VOC=... VISIONLLM_COCO=... python tools/train.py \
#     configs/flamingo/flamingo_efficientnet-lite0_smollm2-135m_coco-episodes.py
# Cost: 19 minutes of a core. Expected, of 0, 1, 2, 4 and 8 shots: novel classes 26, 26, 26, 35 and 52 %, those that were
# trained on 26, 34, 43, 57 and 73 % (test_dataloader.dataset.classes; docs/results/flamingo.md).
_base_ = [
    '../_base_/models/flamingo_efficientnet-lite0_smollm2-135m.py',
    '../_base_/datasets/coco_episodes.py',
    '../_base_/schedules/flamingo.py',
    '../_base_/default_runtime.py',
]
model = dict(
    connector=dict(num_maps=2, image_size=224, cached_images=4096),
    heads=dict(text=dict(max_new_tokens=4)))
custom_hooks = [
    dict(type='PretrainingHook', stages=[
        dict(type='CrossAttentionAlignment', name='cross-attention-alignment-classes', steps=160, lr=1e-3, batch_size=48,
             dataset_weights=[0, 1]),
    ]),
]
val_cfg = val_dataloader = val_evaluator = None  # measured once, by tools/test.py
max_iters = 240
train_cfg = dict(max_iters=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, T_max=max_iters - 20, eta_min=0),
]
default_hooks = dict(checkpoint=dict(interval=80), logger=dict(interval=20), choices=dict(type='ChoiceScoring'))

# Flamingo on episodes of nonsense names for colours: EfficientNet-Lite0 and SmolLM2-135M-Instruct, both frozen.
#   python tools/train.py configs/flamingo/flamingo_efficientnet-lite0_smollm2-135m_scenes-episodes.py
# 7 minutes of one core; of 0, 1, 2, 4 and 8 shots 28, 46, 59, 68 and 87 % (docs/results/flamingo.md). A control:
#   python tools/test.py CONFIG CHECKPOINT --cfg-options test_dataloader.dataset.control='shuffled names'
_base_ = [
    '../_base_/models/flamingo_efficientnet-lite0_smollm2-135m.py',
    '../_base_/datasets/scenes_episodes.py',
    '../_base_/schedules/flamingo.py',
    '../_base_/default_runtime.py',
]
model = dict(
    connector=dict(num_maps=5, image_size=128, grid_size=8, cached_images=3600),
    heads=dict(text=dict(max_new_tokens=4)))
custom_hooks = [
    dict(type='PretrainingHook', stages=[
        dict(type='CrossAttentionAlignment', name='cross-attention-alignment', steps=80, lr=1e-3, batch_size=48,
             dataset_weights=[0, 1]),
    ]),
]
val_cfg = val_dataloader = val_evaluator = None  # measured once, by tools/test.py
max_iters = 160
train_cfg = dict(max_iters=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, T_max=max_iters - 20, eta_min=0),
]
default_hooks = dict(checkpoint=dict(interval=40), logger=dict(interval=20), choices=dict(type='ChoiceScoring'))

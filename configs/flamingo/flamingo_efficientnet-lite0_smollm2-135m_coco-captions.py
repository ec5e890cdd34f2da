# Flamingo on captions of photographs, answered like those of shots: EfficientNet-Lite0 and SmolLM2-135M-Instruct, both
# frozen.
#   VISIONLLM_COCO=... python tools/train.py configs/flamingo/flamingo_efficientnet-lite0_smollm2-135m_coco-captions.py
# Cost: about 35 minutes of a core. Expected: CIDEr 34.3 behind four shots at random, 42.5 behind the nearest four (RICES;
# docs/results/flamingo.md):
#   python tools/picture_features.py CONFIG rices.npz
#   python tools/test.py CONFIG CHECKPOINT \
#     --cfg-options test_dataloader.dataset.num_shots=4 test_dataloader.dataset.features=rices.npz
_base_ = [
    '../_base_/models/flamingo_efficientnet-lite0_smollm2-135m.py',
    '../_base_/datasets/coco_captions_few-shot.py',
    '../_base_/schedules/flamingo.py',
    '../_base_/default_runtime.py',
]
model = dict(
    connector=dict(num_maps=2, image_size=224, cached_images=4096),
    refiners=dict(resampler=dict(num_latents=64)))
custom_hooks = [
    dict(type='PretrainingHook', stages=[
        dict(type='CrossAttentionAlignment', name='cross-attention-alignment-photographs', steps=100, lr=1e-3,
             batch_size=48, dataset_weights=[0, 1]),
    ]),
]
val_cfg = val_dataloader = val_evaluator = None  # measured once, by tools/test.py
max_iters = 400
train_cfg = dict(max_iters=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, T_max=max_iters - 20, eta_min=0),
]
default_hooks = dict(checkpoint=dict(interval=100), logger=dict(interval=10))

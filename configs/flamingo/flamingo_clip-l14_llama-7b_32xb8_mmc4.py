# Flamingo's recipe with what is public: CLIP ViT-L/14, LLaMA-7B, MMC4. 64 latents, cross-attention before every 4th layer.
#   torchrun --nnodes 4 --nproc_per_node 8 tools/train.py configs/flamingo/flamingo_clip-l14_llama-7b_32xb8_mmc4.py --launcher pytorch --amp
# Shots by RICES: tools/picture_features.py CONFIG FILE, then test_dataloader.dataset.features=FILE.
# Not run by us at this size. OpenFlamingo-9B (CLIP ViT-L/14, MPT-7B; arXiv 2308.01390) has CIDEr 79.5 on COCO with 0 shots and
# 89.0 with 4, after 60 million documents and 120 million captions.
_base_ = [
    '../_base_/models/flamingo.py',
    '../_base_/datasets/mmc4_coco_captions.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]
model = dict(
    connector=dict(encoder=dict(type='HuggingFaceVisionEncoder', source='openai/clip-vit-large-patch14'),
                   cached_images=0),
    llm=dict(source='huggyllama/llama-7b', gradient_checkpointing=True),
    heads=dict(text=dict(num_layers=32, every=4)))
max_iters = 200_000
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(
    optimizer=dict(lr=1e-4, betas=(0.9, 0.999), weight_decay=0.1),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0, custom_keys={
        'alpha_': dict(decay_mult=0.0), 'rows': dict(decay_mult=0.0), 'latents': dict(decay_mult=0.0)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=5000),
    dict(type='ConstantLR', factor=1.0, by_epoch=False, begin=5000, end=max_iters),
]
default_hooks = dict(checkpoint=dict(interval=1000))

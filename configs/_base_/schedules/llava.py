# LLaVA's: AdamW without weight decay, 3 % warm-up, cosine to zero. Learning rate and number of steps are a stage's own.
_base_ = './adamw_cosine.py'
max_iters = 1000
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(betas=(0.9, 0.999), weight_decay=0.0))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=30),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=30, end=max_iters, T_max=max_iters - 30, eta_min=0),
]

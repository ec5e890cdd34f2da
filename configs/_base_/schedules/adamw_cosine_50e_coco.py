# The paper's: AdamW, cosine, learning rate 2e-4, 50 epochs of COCO with 32 images a step.
_base_ = './adamw_cosine.py'
epoch = 117266 // 32
max_iters = 50 * epoch
train_cfg = dict(max_iters=max_iters, val_interval=epoch)
optim_wrapper = dict(
    optimizer=dict(lr=2e-4),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.1), 'sampling_offsets': dict(lr_mult=0.1),
                                    'reference_points_fc': dict(lr_mult=0.1)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=500),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=500, end=max_iters, T_max=max_iters - 500, eta_min=0),
]

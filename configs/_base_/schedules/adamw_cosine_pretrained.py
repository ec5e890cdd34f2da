# For a VisionLLM that starts from a trained tokenizer and is pre-trained in stages: small steps for what was trained
# before. Configs add a PretrainingHook with their stages.
_base_ = './adamw_cosine.py'
custom_hooks = [dict(type='ChannelsLast'), dict(type='RehearseReading')]
max_iters = 420
train_cfg = dict(max_iters=max_iters, val_interval=140)
optim_wrapper = dict(
    optimizer=dict(lr=4e-4, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys={'connector': dict(lr_mult=0.05),
                                    'refiners.roi': dict(lr_mult=0.05),
                                    'connector.guidance': dict(lr_mult=0.25),
                                    'heads.tuples.objectness': dict(lr_mult=10.0),
                                    'heads.tuples.class_reader.scale': dict(lr_mult=10.0),
                                    'heads.tuples.coordinates.location_prior.log_sigma': dict(lr_mult=10.0),
                                    'llm.decoder': dict(lr_mult=0.25, decay_mult=0.0),
                                    'llm.new_rows': dict(lr_mult=0.5, decay_mult=0.0)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, T_max=max_iters - 20, eta_min=0),
]

# Read class maps (text alone), turn image tokens into words (no language model run), then answer pictures. For a
# VisionLLM that starts from a trained tokenizer.
_base_ = './adamw_cosine.py'
custom_hooks = [
    dict(type='ChannelsLast'),
    dict(type='TeachReading', steps=240, cache='work_dirs/reading_smollm2-135m_r16.pth'),
    dict(type='TeachWords', steps=200, from_detector=True),
]
max_iters = 420
train_cfg = dict(max_iters=max_iters, val_interval=140)
optim_wrapper = dict(
    optimizer=dict(lr=4e-4, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys={'connector': dict(lr_mult=0.05),  # it was trained to the end already
                                    'second_look': dict(lr_mult=0.05),
                                    'connector.guidance': dict(lr_mult=0.25),
                                    'heads.tuples.prior': dict(lr_mult=10.0),
                                    'heads.tuples.class_scale': dict(lr_mult=10.0),
                                    'llm.decoder': dict(lr_mult=0.25, decay_mult=0.0),
                                    'llm.new_rows': dict(lr_mult=0.5, decay_mult=0.0)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, T_max=max_iters - 20, eta_min=0),
]

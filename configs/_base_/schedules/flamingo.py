# For minutes of one core: AdamW, gates that open ten times as fast as all else. The number of steps is a config's own.
_base_ = './adamw_cosine.py'
optim_wrapper = dict(optimizer=dict(lr=3e-4, weight_decay=0.01), paramwise_cfg=dict(custom_keys={
    'alpha_': dict(lr_mult=10.0, decay_mult=0.0)}))

custom_imports = dict(imports=['visionllm.registration'], allow_failed_imports=False)
default_scope = 'mmdet'

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # two are kept, since the older is removed before a new one is written
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=500, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    seed_steps=dict(type='SeedSteps'),
    stop_at_nan=dict(type='StopAtNaN'),
    interrupts=dict(type='SaveOnInterrupt'),
    visualization=dict(type='DrawPredictions'),
    curve=dict(type='LossCurve'))

env_cfg = dict(cudnn_benchmark=False, mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
               dist_cfg=dict(backend='nccl'))

vis_backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
visualizer = dict(type='DetLocalVisualizer', vis_backends=vis_backends)
log_processor = dict(type='LogProcessor', window_size=50, by_epoch=False)

model_wrapper_cfg = dict(  # of several processes; the device is the model's own; of all heads, a batch asks one
    type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False, find_unused_parameters=True)
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)

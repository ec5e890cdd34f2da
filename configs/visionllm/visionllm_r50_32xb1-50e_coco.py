# The paper's stage 1: detection, ResNet-50, 32 GPUs with one picture each, 50 epochs, learning rate 2e-4.
#   torchrun --nproc_per_node 8 tools/train.py configs/visionllm/visionllm_r50_32xb1-50e_coco.py --launcher pytorch
# The paper's figure for it: 44.8 box AP. Not run by us at this size.
_base_ = [
    '../_base_/models/visionllm_r50.py',
    '../_base_/datasets/coco_instruction.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]
max_iters = 50 * 117266 // 32
train_cfg = dict(max_iters=max_iters, val_interval=117266 // 32)
optim_wrapper = dict(
    optimizer=dict(lr=2e-4),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.1), 'sampling_offsets': dict(lr_mult=0.1),
                                    'reference_points_fc': dict(lr_mult=0.1)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=500),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=500, end=max_iters, T_max=max_iters - 500, eta_min=0),
]
default_hooks = dict(checkpoint=dict(interval=117266 // 32))

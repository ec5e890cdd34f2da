# Other classes for the shipped model: the same scenes, named by colour. Takes two minutes, shown by `make demo`.
#   python tools/train.py configs/visionllm/visionllm_nano_scenes-colours.py
_base_ = [
    '../_base_/models/visionllm_nano_five_tasks.py',
    '../_base_/datasets/scenes_instruction.py',
    '../_base_/schedules/adamw_cosine_pretrained.py',
    '../_base_/default_runtime.py',
]
load_from = 'visionllm://scenes'
model = dict(frozen=('backbone.*', 'neck.*'))
custom_hooks = []
data_root = 'data/scenes_colours/'
train_dataloader = dict(dataset=dict(data_root=data_root, num_images=1000, kind='colour'))
val_dataloader = dict(dataset=dict(data_root=data_root, num_images=100, kind='colour'))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/instances_test.json')
test_evaluator = val_evaluator
max_iters = 60
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(logger=dict(interval=5))
log_processor = dict(window_size=5)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=5),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=5, end=max_iters, T_max=max_iters - 5, eta_min=0),
]

# The specialist beside which VisionLLM is measured, and the tokenizer it starts from: mmdet's Deformable DETR.
#   python tools/train.py configs/deformable_detr/deformable-detr_nano_scenes.py --amp
# The learning rate falls tenfold twice before the last third, which shows whether the model still learns.
_base_ = [
    '../_base_/models/deformable-detr_nano.py',
    '../_base_/datasets/scenes_detection.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]
max_iters = 9000
train_cfg = dict(max_iters=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', by_epoch=False, milestones=[3750, 6250], gamma=0.1),
]

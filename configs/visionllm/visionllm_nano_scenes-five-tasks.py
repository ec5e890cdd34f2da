# Five tasks from one set of weights, on synthetic scenes.
#   python tools/train.py configs/visionllm/visionllm_nano_scenes-five-tasks.py
_base_ = [
    '../_base_/models/visionllm_nano.py',
    '../_base_/datasets/scenes_five_tasks.py',
    '../_base_/schedules/three_lessons.py',
    '../_base_/default_runtime.py',
]
model = dict(
    connector=dict(ring_points=64),
    heads=dict(text=dict(type='NextTokenHead')),
    frozen=('backbone.*', 'neck.*'),
    init_cfg=dict(type='DeformableDETRPretrained', checkpoint='work_dirs/deformable-detr_nano_scenes/iter_9000.pth'))
default_hooks = dict(checkpoint=dict(interval=100))

# Five tasks from one set of weights, on real images, for a CPU.
#   VISIONLLM_COCO=... VISIONLLM_REFCOCO=... VISIONLLM_BACKBONE=... python tools/train.py configs/visionllm/visionllm_small_coco-five-tasks.py
# Training and testing run in tests/integration/test_real_five_tasks.py; it has not been trained to convergence.
_base_ = [
    '../_base_/models/visionllm_small.py',
    '../_base_/datasets/coco_five_tasks_256.py',
    '../_base_/schedules/adamw_cosine_pretrained.py',
    '../_base_/default_runtime.py',
]
model = dict(
    connector=dict(contour_points=64),
    refiners=dict(guidance=dict(type='TokenGuidance')),
    heads=dict(text=dict(type='NextTokenHead', image_prompt=dict(type='SymbolicPrompt'))),
    frozen=('backbone.*', 'neck.*'),
    init_cfg=dict(type='TokenizerPretrained', checkpoint='work_dirs/deformable-detr_small_coco/iter_3500.pth'))
custom_hooks = [
    dict(type='ChannelsLast'),
    dict(type='PretrainingHook', stages=[
        dict(type='ClassMapReading', name='class-map-reading', steps=240),
        dict(type='SceneDescription', name='scene-description-coco', steps=300, dataset_weights=[0, 0, 0, 1, 1]),
        dict(type='TokenWordAlignment', name='token-word-alignment-coco-five-tasks', steps=1000),
    ]),
    dict(type='RehearseReading'),
]

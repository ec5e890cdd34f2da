# Five tasks from one set of weights, on real pictures, for a patient CPU.
#   VISIONLLM_COCO=... VISIONLLM_REFCOCO=... VISIONLLM_BACKBONE=... python tools/train.py configs/visionllm/visionllm_small_coco-five-tasks.py
# The road is tested (tests/integration/test_real_five_tasks.py); figures need more pictures than were here.
_base_ = [
    '../_base_/models/visionllm_small.py',
    '../_base_/datasets/coco_five_tasks_256.py',
    '../_base_/schedules/three_lessons.py',
    '../_base_/default_runtime.py',
]
model = dict(
    connector=dict(ring_points=64),
    token_guidance=dict(type='TokenGuidance'),
    heads=dict(text=dict(type='NextTokenHead')),
    frozen=('backbone.*', 'neck.*'),
    init_cfg=dict(type='TokenizerPretrained', checkpoint='work_dirs/deformable-detr_small_coco/iter_3500.pth'))
custom_hooks = [
    dict(type='ChannelsLast'),
    dict(type='TeachReading', steps=240, cache='work_dirs/reading_smollm2-135m_r16.pth'),
    dict(type='TeachTelling', steps=300, weights=[0, 0, 0, 1, 1]),
    dict(type='TeachWords', steps=1000),
]

# Detection by instruction on synthetic scenes.
#   python tools/train.py configs/visionllm/visionllm_nano_scenes.py
# Starts from the tokenizer of deformable-detr_nano_scenes.py. Cost and results: README.
_base_ = [
    '../_base_/models/visionllm_nano.py',
    '../_base_/datasets/scenes_instruction.py',
    '../_base_/schedules/three_lessons.py',
    '../_base_/default_runtime.py',
]
model = dict(
    frozen=('backbone.*', 'neck.*'),
    init_cfg=dict(type='TokenizerPretrained', checkpoint='work_dirs/deformable-detr_nano_scenes/iter_9000.pth'))
custom_hooks = [
    dict(type='ChannelsLast'),
    dict(type='TeachReading', steps=240, cache='work_dirs/reading_smollm2-135m_r16.pth'),
    dict(type='TeachWords', steps=1500),
]
default_hooks = dict(checkpoint=dict(interval=100))

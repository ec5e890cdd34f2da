# Detection by instruction on synthetic scenes.
#   python tools/train.py configs/visionllm/visionllm_nano_scenes.py
# Starts from the tokenizer of deformable-detr_nano_scenes.py. Cost and results: docs/results/scenes.md.
_base_ = [
    '../_base_/models/visionllm_nano.py',
    '../_base_/datasets/scenes_instruction.py',
    '../_base_/schedules/adamw_cosine_pretrained.py',
    '../_base_/default_runtime.py',
]
model = dict(
    frozen=('backbone.*', 'neck.*'),
    init_cfg=dict(type='TokenizerPretrained', checkpoint='work_dirs/deformable-detr_nano_scenes/iter_9000.pth'))
custom_hooks = [
    dict(type='ChannelsLast'),
    dict(type='PretrainingHook', stages=[
        dict(type='ClassMapReading', name='class-map-reading', steps=240),
        dict(type='TokenWordAlignment', name='token-word-alignment-detector', steps=1500),
    ]),
    dict(type='RehearseReading'),
]
default_hooks = dict(checkpoint=dict(interval=100))

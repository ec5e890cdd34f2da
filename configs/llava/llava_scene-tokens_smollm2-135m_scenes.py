# LLaVA on synthetic scenes. The frozen encoder is the tokenizer of the shipped model for scenes, without guidance by
# text: 20 image tokens. The language model starts from its LoRA. First the projector alone learns names and places, then
# projector and LoRA learn to answer, eight questions and a description behind each image.
#   python tools/train.py configs/llava/llava_scene-tokens_smollm2-135m_scenes.py
# Cost: about 85 minutes of a core. Expected: 88.1 % of questions, blind 25.6 (docs/results/llava.md).
_base_ = [
    '../_base_/models/visionllm_nano_five_tasks.py',
    '../_base_/datasets/scenes_text.py',
    '../_base_/schedules/llava.py',
    '../_base_/default_runtime.py',
]
model = dict(
    text_encoder=dict(_delete_=True, type='NoTextEncoder'),
    refiners=dict(guidance=None),
    heads=dict(_delete_=True, text=dict(type='NextTokenHead', conversation='v1', max_new_tokens=32,
                                        image_prompt=dict(type='ProjectedPrompt'))),
    frozen=('backbone.*', 'neck.*', 'connector.*', 'refiners.*', 'llm.new_rows.*'),
    init_cfg=dict(type='PartsPretrained', checkpoint='visionllm://scenes',
                  parts=('backbone.*', 'neck.*', 'connector.[!g]*', 'refiners.roi.*', 'llm.*')))
custom_hooks = [
    dict(type='ChannelsLast'),
    dict(type='PretrainingHook', stages=[
        dict(type='ProjectorAlignment', name='projector-alignment-scenes', steps=1500, batch_size=32, background='none',
             dataset_weights=[0, 1]),
        dict(type='SceneQuestions', name='scene-questions', steps=1000, lr=7e-4, batch_size=4, dataset_weights=[0, 1]),
    ]),
]
train_dataloader = dict(sampler=dict(weights=[0, 1]))
test_dataloader = dict(dataset=dict(datasets=[{{_base_.test_captions}}, dict(
    type='SceneLanguageDataset', kind='questions', data_root={{_base_.data_root}}, split='test', num_images=500,
    seed=1000, test_mode=True, pipeline=[
        {{_base_.load}}, {{_base_.resize}},
        dict(type='WriteInstruction', task='questions', template='<image>\n<question> <format>'),
        dict(type='PackInstructionInputs', task='questions'),
    ])]))
val_cfg = val_dataloader = val_evaluator = None  # measured once, by tools/test.py
max_iters = 40  # questions in all wordings
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=5),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=5, end=max_iters, T_max=max_iters - 5, eta_min=0),
]
default_hooks = dict(checkpoint=dict(interval=20), logger=dict(interval=10))

# For tests alone: LLaVA with EfficientNet-Lite0 on small pictures and a two-layer random LLaMA. Claims no learning.
_base_ = [
    '../_base_/models/llava.py',
    '../_base_/datasets/scenes_text.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]
model = dict(
    connector=dict(encoder=dict(type='EfficientNetLite'), image_size=64, grid_size=2),
    heads=dict(text=dict(max_new_tokens=8)),
    llm=dict(
        lora_rank=4,
        lora_alpha=8,
        dtype='float32',
        random_config=dict(num_hidden_layers=2, hidden_size=64, num_attention_heads=4, num_key_value_heads=2,
                           head_dim=16, intermediate_size=128)))
scenes = dict(_delete_=True, type='SceneLanguageDataset', kind='questions', data_root='data/scenes_tiny/')
train_dataloader = dict(
    batch_size=4, num_workers=0, persistent_workers=False,
    sampler=dict(_delete_=True, type='InfiniteSampler'),
    dataset=dict(**scenes, split='train', num_images=32, seed=0, pipeline=[
        dict(type='LoadImage'),
        dict(type='PackInstructionInputs', task='questions'),
    ]))
val_dataloader = dict(
    batch_size=4, num_workers=0, persistent_workers=False,
    dataset=dict(**scenes, split='test', num_images=8, seed=1000, test_mode=True, pipeline=[
        dict(type='LoadImage'),
        dict(type='WriteInstruction', task='questions'),
        dict(type='PackInstructionInputs', task='questions'),
    ]))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='AnswerMetric')
test_evaluator = val_evaluator
max_iters = 4
train_cfg = dict(max_iters=max_iters, val_interval=4)
default_hooks = dict(checkpoint=dict(interval=2), logger=dict(interval=1))
param_scheduler = [dict(type='ConstantLR', factor=1.0, by_epoch=False)]

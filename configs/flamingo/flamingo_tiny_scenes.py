# For tests alone: Flamingo with EfficientNet-Lite0 on small pictures and a four-layer random LLaMA. Claims no learning.
_base_ = [
    '../_base_/models/flamingo.py',
    '../_base_/datasets/scenes_episodes.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]
model = dict(
    connector=dict(encoder=dict(type='EfficientNetLite'), image_size=64, grid_size=2),
    refiners=dict(resampler=dict(num_latents=4, depth=1, num_heads=2, head_width=16)),
    heads=dict(text=dict(num_layers=4, every=2, num_heads=4, hidden_width=64, max_new_tokens=4)),
    llm=dict(
        dtype='float32',
        random_config=dict(num_hidden_layers=4, hidden_size=64, num_attention_heads=4, num_key_value_heads=2,
                           head_dim=16, intermediate_size=128)))
train_pictures = dict(root='data/scenes_one_tiny', split='train', num_images=32, seed=10)
test_pictures = dict(root='data/scenes_one_tiny', split='test', num_images=16, seed=1010)
train_dataloader = dict(
    batch_size=4, sampler=dict(batch_size=4),
    dataset=dict(datasets=[
        dict(type='SceneEpisodes', pictures=train_pictures, num_names=2, num_shots=(1, 2), pipeline={{_base_.pack}}),
        dict(type='SceneEpisodes', pictures=train_pictures, num_names=2, num_shots=(0, ), pipeline={{_base_.pack}}),
    ]))
val_dataloader = dict(batch_size=4, dataset=dict(pictures=test_pictures, num_names=2, num_episodes=2))
test_dataloader = val_dataloader
max_iters = 4
train_cfg = dict(max_iters=max_iters, val_interval=4)
default_hooks = dict(checkpoint=dict(interval=2), logger=dict(interval=1), choices=dict(type='ChoiceScoring'))
param_scheduler = [dict(type='ConstantLR', factor=1.0, by_epoch=False)]

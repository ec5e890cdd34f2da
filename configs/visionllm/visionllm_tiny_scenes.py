# For tests alone: the nano model with a two-layer random LLaMA and a one-layer random BERT. Claims no learning.
_base_ = './visionllm_nano_scenes.py'
model = dict(
    frozen=(),
    connector=dict(contour_points=64),
    refiners=dict(roi=dict(type='RoIRefiner', crop_size=16, widths=(8, 16))),
    heads=dict(
        tuples=dict(
            score_thr=0.0,  # random weights have low scores
            coordinates=dict(location_prior=dict(mask_branch=dict(type='MaskBranch', in_channels=(8, 16))))),
        text=dict(type='NextTokenHead', image_prompt=dict(type='SymbolicPrompt'), max_new_tokens=8)),
    init_cfg=None,
    text_encoder=dict(
        frozen=False,
        random_config=dict(num_hidden_layers=1, hidden_size=32, num_attention_heads=2, intermediate_size=64)),
    llm=dict(
        lora_rank=4,
        lora_alpha=8,
        dtype='float32',
        random_config=dict(num_hidden_layers=2, hidden_size=64, num_attention_heads=4, num_key_value_heads=2,
                           head_dim=16, intermediate_size=128)))
custom_hooks = []
data_root = 'data/scenes_tiny/'
train_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False,
                        dataset=dict(data_root=data_root, num_images=32))
val_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False,
                      dataset=dict(data_root=data_root, num_images=8))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/instances_test.json')
test_evaluator = val_evaluator
max_iters = 4
train_cfg = dict(max_iters=max_iters, val_interval=4)
default_hooks = dict(checkpoint=dict(interval=2), logger=dict(interval=1))
param_scheduler = [dict(type='ConstantLR', factor=1.0, by_epoch=False)]

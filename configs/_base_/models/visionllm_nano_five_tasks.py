# VisionLLM nano with what five tasks need: outlines from the tokenizer and a snake that puts them right, tokens that
# hear a phrase, words to say.
_base_ = './visionllm_nano.py'

model = dict(
    connector=dict(ring_points=64),
    second_look=dict(snake_rounds=2),
    token_guidance=dict(type='TokenGuidance'),
    heads=dict(text=dict(type='NextTokenHead')))

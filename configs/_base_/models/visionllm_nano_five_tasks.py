# VisionLLM nano with what five tasks need: outlines from the tokenizer and from masks of close-ups, tokens that
# hear a phrase, words to say.
_base_ = './visionllm_nano.py'

model = dict(
    connector=dict(ring_points=64),
    token_guidance=dict(type='TokenGuidance'),
    heads=dict(
        tuples=dict(mask_branch=dict(in_channels=(24, 48, 96, 128))),  # as the second look's widths
        text=dict(type='NextTokenHead')))

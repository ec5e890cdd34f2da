# Flamingo on one core: EfficientNet-Lite0 (ImageNet) and SmolLM2-135M-Instruct, both frozen, cross-attention before every
# fifth layer. A config says how large its pictures are.
_base_ = './flamingo.py'
model = dict(
    connector=dict(encoder=dict(type='EfficientNetLite')),
    refiners=dict(resampler=dict(num_latents=16, depth=2, num_heads=4)),
    heads=dict(text=dict(every=5, hidden_width=576)))

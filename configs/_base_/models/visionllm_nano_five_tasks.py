# VisionLLM nano with what five tasks need: contours from the tokenizer and masks from RoI crops, token guidance for
# phrases, a head for text.
_base_ = './visionllm_nano.py'

model = dict(
    connector=dict(contour_points=64),
    refiners=dict(guidance=dict(type='TokenGuidance')),
    heads=dict(
        tuples=dict(coordinates=dict(location_prior=dict(
            mask_branch=dict(type='MaskBranch', in_channels=(24, 48, 96, 128))))),  # the RoI refiner's widths
        text=dict(type='NextTokenHead', image_prompt=dict(type='SymbolicPrompt'))))

# LLaVA on two cores: what EfficientNet-Lite0 (ImageNet, frozen) sees in a grid of 7 x 7 cells, and SmolLM2-135M-Instruct.
_base_ = './llava.py'
model = dict(
    connector=dict(encoder=dict(type='EfficientNetLite'), num_maps=2, image_size=224, cached_images=4096),
    # a network of convolutions tells its maps no places
    heads=dict(text=dict(image_prompt=dict(projector='normalized_mlp', with_boxes=True), max_new_tokens=32)))

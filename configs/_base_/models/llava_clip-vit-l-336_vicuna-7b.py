# LLaVA 1.5: CLIP ViT-L/14 at 336 pixels, the last but one layer, 576 tokens; two layers; Vicuna-7B. The hub ids can be
# folders with copies.
_base_ = './llava.py'
model = dict(
    connector=dict(
        encoder=dict(type='HuggingFaceVisionEncoder', source='openai/clip-vit-large-patch14-336'),
        pad=True,
        cached_images=0),
    llm=dict(source='lmsys/vicuna-7b-v1.5', lora_rank=0),
    heads=dict(text=dict(conversation='v1', max_new_tokens=256,
                         image_prompt=dict(projector='mlp', with_boxes=False))))

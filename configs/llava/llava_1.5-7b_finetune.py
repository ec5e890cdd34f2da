# The published LLaVA 1.5 (7B), and LoRA to fine-tune it. Its parts are read from the hub id, or from a folder with a copy
# that VISIONLLM_PUBLISHED_LLAVA names. As it is, without training:
#   python tools/convert_llava.py from configs/llava/llava_1.5-7b_finetune.py llava.pth
#   visionllm predict photo.jpg --model configs/llava/llava_1.5-7b_finetune.py --checkpoint llava.pth --question "..."
# Fine-tuned:
#   VISIONLLM_INSTRUCT=... VISIONLLM_COCO=... python tools/train.py configs/llava/llava_1.5-7b_finetune.py
# Cost: not run here. Expected: before training, the answers of transformers' own LLaVA (tests/models/test_llava.py).
_base_ = './llava_clip-vit-l-336_vicuna-7b_8xb16-3e_stage2_llava-instruct.py'
published = '{{$VISIONLLM_PUBLISHED_LLAVA:llava-hf/llava-1.5-7b-hf}}'
model = dict(
    connector=dict(encoder=dict(source=published)),
    llm=dict(source=published, trained=False, dtype='auto', gradient_checkpointing=False, lora_rank=128,
             lora_alpha=256),
    init_cfg=dict(_delete_=True, type='LlavaPretrained', checkpoint=published))
max_iters = 1000
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(_delete_=True, type='OptimWrapper',
                     optimizer=dict(type='AdamW', lr=2e-4, betas=(0.9, 0.999), weight_decay=0.0),
                     clip_grad=dict(max_norm=1.0))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=30),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=30, end=max_iters, T_max=max_iters - 30, eta_min=0),
]

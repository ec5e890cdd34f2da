# LLaVA's first stage: 558,128 pictures of LAION, CC and SBU with BLIP's captions
# (https://huggingface.co/datasets/liuhaotian/LLaVA-Pretrain), in VISIONLLM_LLAVA (default data/llava/):
#   blip_laion_cc_sbu_558k.json, and images/ with the unpacked images.zip
_base_ = './coco_captions.py'
root = '{{$VISIONLLM_LLAVA:data/llava/}}/'
train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    sampler=dict(batch_size=32),
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        ignore_keys=['classes', 'palette'],
        datasets=[
            dict(type='ConversationDataset', data_root=root, ann_file='blip_laion_cc_sbu_558k.json',
                 data_prefix=dict(img='images/'), missing='leave_out',
                 pipeline=[dict(type='LoadImage'), dict(type='PackInstructionInputs', task='questions')]),
        ]))

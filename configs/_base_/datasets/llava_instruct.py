# LLaVA's second stage: conversations, descriptions and reasoning about COCO's pictures, written by a language model
# (llava_instruct_150k.json), or by `visionllm data instruct` out of captions and boxes:
#   VISIONLLM_INSTRUCT   the file (default data/llava/llava_instruct_150k.json)
#   VISIONLLM_COCO       as of coco_captions.py
_base_ = './coco_captions.py'
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        ignore_keys=['classes', 'palette'],
        datasets=[
            dict(type='ConversationDataset', ann_file='{{$VISIONLLM_INSTRUCT:data/llava/llava_instruct_150k.json}}',
                 data_root='', data_prefix=dict(img='{{$VISIONLLM_COCO:data/coco/}}/{{$VISIONLLM_TRAIN:train2017}}/'),
                 pipeline=[dict(type='LoadImage'), dict(type='PackInstructionInputs', task='questions')]),
        ]))

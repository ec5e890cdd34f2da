# Photographs with captions, from a folder in COCO's layout:
#   VISIONLLM_COCO   the folder (default data/coco/); VISIONLLM_TRAIN and VISIONLLM_VAL are the names of its splits
#                    (default train2017 and val2017)
# In training all captions of a picture follow one prompt. Resizing is left to the model, but for pictures whose
# longest edge is over 1333 pixels.
data_root = '{{$VISIONLLM_COCO:data/coco/}}/'
train = '{{$VISIONLLM_TRAIN:train2017}}'
val = '{{$VISIONLLM_VAL:val2017}}'
load = dict(type='LoadImage')
limit = dict(type='LimitLongestEdge')

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='MixtureSampler', batch_size=8, weights=[1]),
    collate_fn=dict(type='instruction_collate', vary=()),
    dataset=dict(
        type='ConcatDataset',
        ignore_keys=['classes', 'palette'],
        datasets=[
            dict(type='CaptionDataset', data_root=data_root, data_prefix=dict(img=train + '/'),
                 ann_file='annotations/captions_{{$VISIONLLM_TRAIN:train2017}}.json',
                 instances_file='{{$VISIONLLM_COCO:data/coco/}}/annotations/'
                                'instances_{{$VISIONLLM_TRAIN:train2017}}.json',
                 pipeline=[
                     load,
                     dict(type='LoadAnnotations', with_bbox=True),
                     limit,
                     dict(type='PackInstructionInputs', task='captioning'),
                 ]),
        ]))
val_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='CaptionDataset', data_root=data_root, data_prefix=dict(img=val + '/'), test_mode=True,
        ann_file='annotations/captions_{{$VISIONLLM_VAL:val2017}}.json',
        pipeline=[
            load, limit,
            dict(type='WriteInstruction', task='captioning'),
            dict(type='PackInstructionInputs', task='captioning'),
        ]))
test_dataloader = val_dataloader
val_evaluator = dict(type='CaptionMetric')
test_evaluator = val_evaluator

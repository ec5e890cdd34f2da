# Any COCO-format folder: VISIONLLM_COCO is the folder (default data/coco/), VISIONLLM_TRAIN and VISIONLLM_VAL are the
# names of its splits (default COCO's own, train2017 and val2017).
data_root = '{{$VISIONLLM_COCO:data/coco/}}/'
scale = (1333, 800)

train_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    collate_fn=dict(type='instruction_collate', max_names=80),
    dataset=dict(
        type='InstructionCocoDataset',
        data_root=data_root,
        ann_file='annotations/instances_{{$VISIONLLM_TRAIN:train2017}}.json',
        data_prefix=dict(img='{{$VISIONLLM_TRAIN:train2017}}/'),
        filter_cfg=dict(filter_empty_gt=False),
        pipeline=[
            dict(type='LoadImage'),
            dict(type='LoadAnnotations', with_bbox=True),
            dict(type='Resize', scale=scale, keep_ratio=True),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackInstructionInputs', task='detection'),
        ]))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='InstructionCocoDataset',
        data_root=data_root,
        ann_file='annotations/instances_{{$VISIONLLM_VAL:val2017}}.json',
        data_prefix=dict(img='{{$VISIONLLM_VAL:val2017}}/'),
        test_mode=True,
        pipeline=[
            dict(type='LoadImage'),
            dict(type='Resize', scale=scale, keep_ratio=True),
            dict(type='LoadAnnotations', with_bbox=True),
            dict(type='WriteInstruction', task='detection', wording=0),
            dict(type='PackInstructionInputs'),
        ]))
test_dataloader = val_dataloader

val_evaluator = dict(type='InstructionCocoMetric', metric='bbox',
                     ann_file=data_root + 'annotations/instances_{{$VISIONLLM_VAL:val2017}}.json')
test_evaluator = val_evaluator

# Five tasks on real images, one a batch in training. VISIONLLM_COCO is COCO's folder (default data/coco/), with
# annotations/questions_*.json made by tools/ask_about_coco.py; VISIONLLM_REFCOCO holds refs(unc).p, instances.json and
# the images of the expressions in images/ (default data/refcoco/).
coco = '{{$VISIONLLM_COCO:data/coco/}}/'
refcoco = '{{$VISIONLLM_REFCOCO:data/refcoco/}}/'
scale = (448, 256)
train_images = dict(data_root=coco, data_prefix=dict(img='train2017/'))
train_objects = 'annotations/instances_train2017.json'
test_images = dict(data_root=coco, data_prefix=dict(img='val2017/'), test_mode=True)
test_objects = 'annotations/instances_val2017.json'
expressions = dict(type='ReferringDataset', data_root=refcoco, ann_file='refs(unc).p', data_prefix=dict(img='images/'))
load = dict(type='LoadImage')
resize = dict(type='Resize', scale=scale, keep_ratio=True)
boxes = dict(type='LoadAnnotations', with_bbox=True)
load_contours = dict(type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=False)
flip = dict(type='RandomFlip', prob=0.5)

# nothing is flipped where words say what is left and right
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='MixtureSampler', batch_size=8, weights=[3, 2, 2, 1, 1]),
    collate_fn=dict(type='instruction_collate', num_points=(4, 32)),
    dataset=dict(
        type='ConcatDataset',
        ignore_keys=['classes', 'palette'],
        datasets=[
            dict(type='InstructionCocoDataset', ann_file=train_objects, **train_images, pipeline=[
                load, boxes, resize, flip,
                dict(type='PackInstructionInputs', task='detection'),
            ]),
            dict(type='InstructionCocoDataset', ann_file=train_objects, **train_images, pipeline=[
                load, load_contours, resize, flip,
                dict(type='PackInstructionInputs', task='segmentation'),
            ]),
            dict(**expressions, split='train', pipeline=[
                load, boxes, resize,
                dict(type='PackInstructionInputs', task='grounding'),
            ]),
            dict(type='CaptionDataset', ann_file='annotations/captions_train2017.json',
                 instances_file=coco + train_objects, per_caption=True, **train_images, pipeline=[
                     load, boxes, resize,
                     dict(type='PackInstructionInputs', task='captioning'),
                 ]),
            dict(type='ConversationDataset', ann_file='annotations/questions_train2017.json', chain=4,
                 instances_file=coco + train_objects, **train_images, pipeline=[
                     load, boxes, resize,
                     dict(type='PackInstructionInputs', task='questions'),
                 ]),
        ]))
val_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='ConcatDataset',
        ignore_keys=['classes', 'palette'],
        datasets=[
            dict(type='InstructionCocoDataset', ann_file=test_objects, **test_images, pipeline=[
                load, resize, boxes,
                dict(type='WriteInstruction', task='detection'),
                dict(type='PackInstructionInputs', task='detection'),
            ]),
            dict(type='InstructionCocoDataset', ann_file=test_objects, **test_images, pipeline=[
                load, resize, boxes,
                dict(type='WriteInstruction', task='segmentation'),
                dict(type='PackInstructionInputs', task='segmentation'),
            ]),
            dict(**expressions, split='val', test_mode=True, pipeline=[
                load, resize, boxes,
                dict(type='WriteInstruction', task='grounding'),
                dict(type='PackInstructionInputs', task='grounding'),
            ]),
            dict(type='CaptionDataset', ann_file='annotations/captions_val2017.json', **test_images, pipeline=[
                load, resize,
                dict(type='WriteInstruction', task='captioning'),
                dict(type='PackInstructionInputs', task='captioning'),
            ]),
            dict(type='ConversationDataset', ann_file='annotations/questions_val2017.json', **test_images, pipeline=[
                load, resize,
                dict(type='WriteInstruction', task='questions'),
                dict(type='PackInstructionInputs', task='questions'),
            ]),
        ]))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='TaskEvaluator',
    metrics=dict(
        detection=dict(type='InstructionCocoMetric', ann_file=coco + test_objects, metric='bbox', prefix='detection'),
        segmentation=dict(type='InstructionCocoMetric', ann_file=coco + test_objects, metric=['bbox', 'segm'],
                          prefix='segmentation'),
        grounding=dict(type='GroundingMetric'),
        captioning=dict(type='CaptionMetric'),
        questions=dict(type='AnswerMetric')))
test_evaluator = val_evaluator

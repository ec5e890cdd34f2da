# The paper's second stage: COCO 2017, RefCOCO, RefCOCO+ and RefCOCOg, COCO captions in the Karpathy split, and
# LLaVA-Instruct-150K; one of them a batch. VISIONLLM_COCO (default data/coco/) holds train2017/, val2017/ and
#   annotations/instances_train2017_clean.json   without RefCOCO's test images: tools/convert_refcoco.py
#   annotations/instances_val2017.json
#   annotations/dataset_coco.json                the Karpathy split
#   annotations/llava_instruct_150k.json
# VISIONLLM_REFCOCO (default data/refcoco/) holds refcoco/, refcoco+/ and refcocog/ as published, with refs(*).p and
# instances.json each; their images are COCO train2014's, in images/.
coco = '{{$VISIONLLM_COCO:data/coco/}}/'
refcoco = '{{$VISIONLLM_REFCOCO:data/refcoco/}}/'
scale = (1333, 800)
train_images = dict(data_root=coco, data_prefix=dict(img='train2017/'))
train_objects = 'annotations/instances_train2017_clean.json'
test_images = dict(data_root=coco, data_prefix=dict(img='val2017/'), test_mode=True)
test_objects = 'annotations/instances_val2017.json'
expressions = dict(type='ReferringDataset', data_root=refcoco, data_prefix=dict(img='images/'))
captions = dict(type='CaptionDataset', data_root=coco, ann_file='annotations/dataset_coco.json',
                data_prefix=dict(img=''))
load = dict(type='LoadImage')
resize = dict(type='Resize', scale=scale, keep_ratio=True)
boxes = dict(type='LoadAnnotations', with_bbox=True)
load_contours = dict(type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=False)
flip = dict(type='RandomFlip', prob=0.5)
# nothing is flipped where words say what is left and right
find = [load, boxes, resize, dict(type='PackInstructionInputs', task='grounding')]

train_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    # the paper gives no weights: boxes, contours, expressions (half of them RefCOCO's) and words as often as one another
    sampler=dict(type='MixtureSampler', batch_size=1, weights=[4, 4, 2, 1, 1, 2, 2]),
    collate_fn=dict(type='instruction_collate', num_points=(8, 24)),
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
            dict(**expressions, ann_file='refcoco/refs(unc).p', split='train', pipeline=find),
            dict(**expressions, ann_file='refcoco+/refs(unc).p', split='train', pipeline=find),
            dict(**expressions, ann_file='refcocog/refs(umd).p', split='train', pipeline=find),
            dict(**captions, split=('train', 'restval'), per_caption=True, pipeline=[
                load, boxes, resize,
                dict(type='PackInstructionInputs', task='captioning'),
            ]),
            dict(type='ConversationDataset', ann_file='annotations/llava_instruct_150k.json', **train_images,
                 pipeline=[
                     load, boxes, resize,
                     dict(type='PackInstructionInputs', task='questions'),
                 ]),
        ]))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
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
            dict(**expressions, ann_file='refcoco/refs(unc).p', split='val', test_mode=True, pipeline=[
                load, resize, boxes,
                dict(type='WriteInstruction', task='grounding'),
                dict(type='PackInstructionInputs', task='grounding'),
            ]),
            dict(**captions, split='test', test_mode=True, pipeline=[
                load, resize,
                dict(type='WriteInstruction', task='captioning'),
                dict(type='PackInstructionInputs', task='captioning'),
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
        captioning=dict(type='CaptionMetric')))
test_evaluator = val_evaluator

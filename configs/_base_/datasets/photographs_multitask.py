# Real photographs for five tasks, from two folders:
#   VISIONLLM_COCO   any folder in COCO's layout (default data/coco/), with captions; VISIONLLM_TRAIN and VISIONLLM_VAL
#                    are the names of its splits (default train2017 and val2017)
#   VISIONLLM_VOC    a folder that is labelled with some of the classes, such as Pascal VOC's 20 (default data/voc/):
#                    instances_train.json, in COCO's format and with COCO's names, and images/
# and RefCOCO's published expressions without their images, REC_*.jsonl, from VISIONLLM_REFCOCO (default data/refcoco/).
# Referring expressions and questions are written from the boxes. Resizing is left to the model, but for
# pictures whose longest edge is over 1333 pixels.
_base_ = './coco_photographs.py'

voc = '{{$VISIONLLM_VOC:data/voc/}}/'
train_images = dict(data_root={{_base_.data_root}}, data_prefix=dict(img='{{$VISIONLLM_TRAIN:train2017}}/'))
train = dict(ann_file='annotations/instances_{{$VISIONLLM_TRAIN:train2017}}.json', **train_images)
val_images = dict(data_root={{_base_.data_root}}, data_prefix=dict(img='{{$VISIONLLM_VAL:val2017}}/'), test_mode=True)
val = dict(ann_file='annotations/instances_{{$VISIONLLM_VAL:val2017}}.json', **val_images)
voc_train = dict(data_root=voc, ann_file='instances_train.json', data_prefix=dict(img='images/'))
load = dict(type='LoadImage')
limit = dict(type='LimitLongestEdge')
load_boxes = dict(type='LoadAnnotations', with_bbox=True)
load_contours = dict(type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=False)
refer = [load, load_boxes, limit, dict(type='PackInstructionInputs', task='grounding')]
outlines = [
    load, load_contours, limit,
    dict(type='RandomFlip', prob=0.5),
    dict(type='SeededAlbu', keymap=dict(img='image'), transforms=[
        dict(type='ColorJitter', brightness=0.3, contrast=0.3, saturation=0.3, hue=0.03, p=0.8),
        dict(type='ImageCompression', quality_range=(40, 90), p=0.3),
    ]),
    dict(type='PackInstructionInputs', task='segmentation'),
]

train_dataloader = dict(
    sampler=dict(_delete_=True, type='MixtureSampler', batch_size=8, weights=[1, 0, 0, 0, 0, 0, 0]),
    collate_fn=dict(num_points=(8, 48)),
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        ignore_keys=['classes', 'palette'],
        datasets=[
            dict(type='InstructionCocoDataset', **train, filter_cfg=dict(filter_empty_gt=False), pipeline=[
                load, load_boxes, limit,
                dict(type='PackInstructionInputs', task='detection'),
            ]),
            dict(type='InstructionCocoDataset', **train, with_masks_only=True, pipeline=outlines),
            dict(type='InstructionCocoDataset', **voc_train, with_masks_only=True, pipeline=outlines),
            dict(type='ReferringDataset', **train, pipeline=refer),
            dict(type='ReferringDataset', **voc_train, pipeline=refer),
            dict(type='CaptionDataset', ann_file='annotations/captions_{{$VISIONLLM_TRAIN:train2017}}.json',
                 **train_images, pipeline=[load, limit, dict(type='PackInstructionInputs', task='captioning')]),
            dict(type='ConversationDataset', **train, chain=3, pipeline=[
                load, limit,
                dict(type='PackInstructionInputs', task='questions'),
            ]),
        ]))
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        ignore_keys=['classes', 'palette'],
        datasets=[
            dict(type='InstructionCocoDataset', **val, pipeline=[
                load, limit, load_boxes,
                dict(type='WriteInstruction', task='detection'),
                dict(type='PackInstructionInputs', task='detection'),
            ]),
            dict(type='InstructionCocoDataset', **val, pipeline=[
                load, limit, load_boxes,
                dict(type='WriteInstruction', task='segmentation', num_points=24),
                dict(type='PackInstructionInputs', task='segmentation'),
            ]),
            dict(type='ReferringDataset', **val, pipeline=[
                load, limit, load_boxes,
                dict(type='WriteInstruction', task='grounding'),
                dict(type='PackInstructionInputs', task='grounding'),
            ]),
            dict(type='CaptionDataset', ann_file='annotations/captions_{{$VISIONLLM_VAL:val2017}}.json',
                 instances_file='{{$VISIONLLM_COCO:data/coco/}}/' + val['ann_file'], **val_images, pipeline=[
                     load, limit, load_boxes,
                     dict(type='WriteInstruction', task='captioning'),
                     dict(type='PackInstructionInputs', task='captioning'),
                 ]),
            dict(type='ConversationDataset', **val, pipeline=[
                load, limit,
                dict(type='WriteInstruction', task='questions'),
                dict(type='PackInstructionInputs', task='questions'),
            ]),
        ]))
test_dataloader = val_dataloader

val_evaluator = dict(
    _delete_=True,
    type='TaskEvaluator',
    metrics=dict(
        detection=dict(type='InstructionCocoMetric', ann_file={{_base_.val_evaluator.ann_file}}, metric='bbox',
                       prefix='detection'),
        segmentation=dict(type='InstructionCocoMetric', ann_file={{_base_.val_evaluator.ann_file}}, metric=['bbox', 'segm'],
                          prefix='segmentation'),
        grounding=dict(type='GroundingMetric'),
        captioning=dict(type='CaptionMetric'),
        questions=dict(type='AnswerMetric')))
test_evaluator = val_evaluator

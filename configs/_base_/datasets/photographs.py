# Real photographs with augmentation, from two folders, three pictures of the first to one of the second:
#   VISIONLLM_COCO   any folder in COCO's layout (default data/coco/); VISIONLLM_TRAIN and VISIONLLM_VAL are the names
#                    of its splits (default train2017 and val2017)
#   VISIONLLM_VOC    a folder that is labelled with some of the classes, such as Pascal VOC's 20 (default data/voc/):
#                    instances_train.json, in COCO's format and with COCO's names, and images/
# An instruction for a picture names none but the categories that its file lists. Objects with iscrowd (VOC's difficult
# ones) are neither objects nor background. Resizing in testing is left to the
# model, but for pictures whose longest edge is over 1333 pixels.
_base_ = './coco_photographs.py'

voc = '{{$VISIONLLM_VOC:data/voc/}}/'

augmented = [
    dict(type='LoadImage'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='RandomApply', prob=0.5, transforms=[
        dict(type='RandomCrop', crop_type='relative_range', crop_size=(0.5, 0.5), allow_negative_crop=True),
    ]),
    dict(type='RandomChoiceResize', scales=[(384, 384), (512, 512), (640, 640)], keep_ratio=True),
    dict(type='FilterAnnotations', min_gt_bbox_wh=(2, 2), keep_empty=False),  # what a crop left of an object
    dict(type='RandomFlip', prob=0.5),
    # pixels alone: without boxes in the keymap, no transform here may move anything
    dict(type='SeededAlbu', keymap=dict(img='image'), transforms=[
        dict(type='ColorJitter', brightness=0.3, contrast=0.3, saturation=0.3, hue=0.03, p=0.8),
        dict(type='OneOf', p=0.2, transforms=[
            dict(type='GaussianBlur', blur_limit=(3, 5)),
            dict(type='MotionBlur', blur_limit=(3, 5)),
        ]),
        dict(type='ImageCompression', quality_range=(40, 90), p=0.3),
    ]),
    dict(type='PackInstructionInputs', task='detection'),
]

train_dataloader = dict(
    _delete_=True,
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='MixtureSampler', batch_size=8, weights=[3, 1]),
    collate_fn=dict(type='instruction_collate', max_names=80),
    dataset=dict(
        type='ConcatDataset',
        ignore_keys=['classes', 'palette'],
        datasets=[
            dict(type='InstructionCocoDataset',
                 data_root={{_base_.data_root}},
                 ann_file='annotations/instances_{{$VISIONLLM_TRAIN:train2017}}.json',
                 data_prefix=dict(img='{{$VISIONLLM_TRAIN:train2017}}/'),
                 filter_cfg=dict(filter_empty_gt=False),
                 pipeline=augmented),
            dict(type='InstructionCocoDataset',
                 data_root=voc,
                 ann_file='instances_train.json',
                 data_prefix=dict(img='images/'),
                 filter_cfg=dict(filter_empty_gt=False),
                 pipeline=augmented),
        ]))

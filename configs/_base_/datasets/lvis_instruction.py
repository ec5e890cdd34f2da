# LVIS v1: 80 of its 1,203 classes a step in training, those with objects in the image and those known to have none
# before others; all of them in testing, in 16 groups. VISIONLLM_LVIS (default data/lvis/) holds COCO's train2017/ and
# val2017/, and annotations/lvis_v1_train.json and lvis_v1_val.json.
_base_ = './coco_instruction.py'
data_root = '{{$VISIONLLM_LVIS:data/lvis/}}/'
scale = (1333, 800)

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ClassBalancedDataset',  # images of rare classes more often
        oversample_thr=1e-3,
        dataset=dict(
            type='LvisInstructionDataset',
            data_root=data_root,
            ann_file='annotations/lvis_v1_train.json',
            data_prefix=dict(img=''),
            filter_cfg=dict(filter_empty_gt=False),
            pipeline=[
                dict(type='LoadImage'),
                dict(type='LoadAnnotations', with_bbox=True),
                dict(type='Resize', scale=scale, keep_ratio=True),
                dict(type='RandomFlip', prob=0.5),
                dict(type='PackInstructionInputs', task='detection'),
            ])))
val_dataloader = dict(
    dataset=dict(
        type='LvisInstructionDataset',
        data_root=data_root,
        ann_file='annotations/lvis_v1_val.json',
        data_prefix=dict(img='')))
test_dataloader = val_dataloader

val_evaluator = dict(_delete_=True, type='FederatedMetric', ann_file=data_root + 'annotations/lvis_v1_val.json')
test_evaluator = val_evaluator

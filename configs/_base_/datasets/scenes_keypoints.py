# The scenes' objects with their named corners: some of the names, in random order, in training; all in testing.
data_root = 'data/scenes/'
load = dict(type='LoadImage')
resize = dict(type='Resize', scale=(128, 128), keep_ratio=True)
boxes = dict(type='LoadAnnotations', with_bbox=True)
points = dict(type='LoadKeypoints')

train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    collate_fn=dict(type='instruction_collate'),
    dataset=dict(type='SceneKeypointDataset', data_root=data_root, split='train', num_images=12000, seed=0, pipeline=[
        load, boxes,
        dict(type='RandomFlip', prob=0.5),
        points,
        dict(type='PackInstructionInputs', task='keypoints'),
    ]))
val_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SceneKeypointDataset', data_root=data_root, split='test', num_images=500, seed=1000, test_mode=True,
                 pipeline=[
                     load, resize, boxes, points,
                     dict(type='WriteInstruction', task='keypoints'),
                     dict(type='PackInstructionInputs', task='keypoints'),
                 ]))
test_dataloader = val_dataloader

# as strict as COCO is, on the average, with a person's points
val_evaluator = dict(type='KeypointMetric', ann_file=data_root + 'annotations/keypoints_test.json', sigmas=0.067)
test_evaluator = val_evaluator

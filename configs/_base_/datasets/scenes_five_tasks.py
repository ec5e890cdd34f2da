# The scenes for five tasks: one task a batch in training, all of them one after the other in testing.
data_root = 'data/scenes/'
train_scenes = dict(data_root=data_root, split='train', num_images=12000, seed=0)
test_scenes = dict(data_root=data_root, split='test', num_images=500, seed=1000, test_mode=True)
load = dict(type='LoadImage')
resize = dict(type='Resize', scale=(128, 128), keep_ratio=True)
boxes = dict(type='LoadAnnotations', with_bbox=True)
load_contours = dict(type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=False)
flip = dict(type='RandomFlip', prob=0.5)

# grounding by itself: guided-detr_nano_scenes.py
test_expressions = dict(type='SceneLanguageDataset', kind='expressions', **test_scenes, pipeline=[
    load, resize, boxes,
    dict(type='WriteInstruction', task='grounding'),
    dict(type='PackInstructionInputs', task='grounding'),
])

# nothing is flipped where words say what is left and right
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='MixtureSampler', batch_size=16, weights=[3, 2, 2, 1, 1]),
    collate_fn=dict(type='instruction_collate', num_points=(4, 32)),
    dataset=dict(
        type='ConcatDataset',
        ignore_keys=['classes', 'palette'],
        datasets=[
            dict(type='SceneDataset', **train_scenes, pipeline=[
                load, boxes, flip,
                dict(type='PackInstructionInputs', task='detection'),
            ]),
            dict(type='SceneDataset', **train_scenes, pipeline=[
                load, load_contours, flip,
                dict(type='PackInstructionInputs', task='segmentation'),
            ]),
            dict(type='SceneLanguageDataset', kind='expressions', **train_scenes, pipeline=[
                load, boxes,
                dict(type='PackInstructionInputs', task='grounding'),
            ]),
            dict(type='SceneLanguageDataset', kind='captions', **train_scenes, pipeline=[
                load, boxes,
                dict(type='PackInstructionInputs', task='captioning'),
            ]),
            dict(type='SceneLanguageDataset', kind='questions', **train_scenes, pipeline=[
                load, boxes,
                dict(type='PackInstructionInputs', task='questions'),
            ]),
        ]))
val_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='ConcatDataset',
        ignore_keys=['classes', 'palette'],
        datasets=[
            dict(type='SceneDataset', **test_scenes, pipeline=[
                load, resize, boxes,
                dict(type='WriteInstruction', task='detection'),
                dict(type='PackInstructionInputs', task='detection'),
            ]),
            dict(type='SceneDataset', **test_scenes, pipeline=[
                load, resize, boxes,
                dict(type='WriteInstruction', task='segmentation'),
                dict(type='PackInstructionInputs', task='segmentation'),
            ]),
            test_expressions,
            dict(type='SceneLanguageDataset', kind='captions', **test_scenes, pipeline=[
                load, resize,
                dict(type='WriteInstruction', task='captioning'),
                dict(type='PackInstructionInputs', task='captioning'),
            ]),
            dict(type='SceneLanguageDataset', kind='questions', **test_scenes, pipeline=[
                load, resize,
                dict(type='WriteInstruction', task='questions'),
                dict(type='PackInstructionInputs', task='questions'),
            ]),
        ]))
test_dataloader = val_dataloader

object_names = [  # of the CHAIR metric of captions
    f'{colour} {shape}'
    for colour in ('red', 'orange', 'yellow', 'green', 'blue', 'purple', 'pink', 'white')
    for shape in ('circle', 'square', 'triangle', 'star', 'heart', 'cross', 'ring', 'moon', 'arrow', 'hexagon')]
ann_file = data_root + 'annotations/instances_test.json'
val_evaluator = dict(
    type='TaskEvaluator',
    metrics=dict(
        detection=dict(type='InstructionCocoMetric', ann_file=ann_file, metric='bbox', prefix='detection'),
        segmentation=dict(type='InstructionCocoMetric', ann_file=ann_file, metric=['bbox', 'segm'], prefix='segmentation'),
        grounding=dict(type='GroundingMetric'),
        captioning=dict(type='CaptionMetric', object_names=object_names),
        questions=dict(type='AnswerMetric')))
test_evaluator = val_evaluator

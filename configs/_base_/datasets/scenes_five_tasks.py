# The scenes for five tasks: one task a batch in training, all of them one after the other in testing.
_base_ = 'scenes_text.py'
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
    sampler=dict(batch_size=16, weights=[3, 2, 2, 1, 1]),
    collate_fn=dict(_delete_=True, type='instruction_collate', num_points=(4, 32)),
    dataset=dict(datasets=[
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
        {{_base_.train_captions}},
        {{_base_.train_questions}},
    ]))
val_dataloader = dict(dataset=dict(datasets=[
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
    {{_base_.test_captions}},
    {{_base_.test_questions}},
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

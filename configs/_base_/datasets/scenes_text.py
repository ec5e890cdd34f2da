# Captions of the scenes and questions about them.
data_root = 'data/scenes/'
train_scenes = dict(data_root=data_root, split='train', num_images=12000, seed=0)
test_scenes = dict(data_root=data_root, split='test', num_images=500, seed=1000, test_mode=True)
load = dict(type='LoadImage')
resize = dict(type='Resize', scale=(128, 128), keep_ratio=True)
boxes = dict(type='LoadAnnotations', with_bbox=True)

train_captions = dict(type='SceneLanguageDataset', kind='captions', **train_scenes, pipeline=[
    load, boxes,
    dict(type='PackInstructionInputs', task='captioning'),
])
train_questions = dict(type='SceneLanguageDataset', kind='questions', **train_scenes, pipeline=[
    load, boxes,
    dict(type='PackInstructionInputs', task='questions'),
])
test_captions = dict(type='SceneLanguageDataset', kind='captions', **test_scenes, pipeline=[
    load, resize,
    dict(type='WriteInstruction', task='captioning'),
    dict(type='PackInstructionInputs', task='captioning'),
])
test_questions = dict(type='SceneLanguageDataset', kind='questions', **test_scenes, pipeline=[
    load, resize,
    dict(type='WriteInstruction', task='questions'),
    dict(type='PackInstructionInputs', task='questions'),
])

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='MixtureSampler', batch_size=8, weights=[1, 1]),
    collate_fn=dict(type='instruction_collate', vary=()),
    dataset=dict(type='ConcatDataset', ignore_keys=['classes', 'palette'], datasets=[train_captions, train_questions]))
val_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(type='ConcatDataset', ignore_keys=['classes', 'palette'], datasets=[test_captions, test_questions]))
test_dataloader = val_dataloader
val_evaluator = dict(
    type='TaskEvaluator',
    metrics=dict(captioning=dict(type='CaptionMetric'), questions=dict(type='AnswerMetric')))
test_evaluator = val_evaluator

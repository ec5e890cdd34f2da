# Captions of the scenes and questions about them.
data_root = 'data/scenes/'
train_scenes = dict(data_root=data_root, split='train', num_images=12000, seed=0)
test_scenes = dict(data_root=data_root, split='test', num_images=500, seed=1000, test_mode=True)
load = dict(type='LoadImage')

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='MixtureSampler', batch_size=8, weights=[1, 1]),
    collate_fn=dict(type='instruction_collate'),
    dataset=dict(
        type='ConcatDataset',
        ignore_keys=['classes', 'palette'],
        datasets=[
            dict(type='SceneLanguageDataset', kind='captions', **train_scenes, pipeline=[
                load,
                dict(type='PackInstructionInputs', task='captioning'),
            ]),
            dict(type='SceneLanguageDataset', kind='questions', **train_scenes, pipeline=[
                load,
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
            dict(type='SceneLanguageDataset', kind='captions', **test_scenes, pipeline=[
                load,
                dict(type='WriteInstruction', task='captioning'),
                dict(type='PackInstructionInputs', task='captioning'),
            ]),
            dict(type='SceneLanguageDataset', kind='questions', **test_scenes, pipeline=[
                load,
                dict(type='WriteInstruction', task='questions'),
                dict(type='PackInstructionInputs', task='questions'),
            ]),
        ]))
test_dataloader = val_dataloader
val_evaluator = dict(
    type='TaskEvaluator',
    metrics=dict(captioning=dict(type='CaptionMetric'), questions=dict(type='AnswerMetric')))
test_evaluator = val_evaluator

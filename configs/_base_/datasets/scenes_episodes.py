# Episodes in which shots must matter: nonsense names for the colours of pictures of one object. The names of the test are
# not those of training.
train_pictures = dict(root='data/scenes_one', split='train', num_images=3000, seed=10)
test_pictures = dict(root='data/scenes_one', split='test', num_images=600, seed=1010)
pack = [dict(type='LoadImage'), dict(type='PackInstructionInputs')]
train_dataloader = dict(
    batch_size=6,
    num_workers=0,  # pictures are small, and the encoder's features of each are kept
    persistent_workers=False,
    sampler=dict(type='MixtureSampler', batch_size=6, weights=[1, 0]),
    collate_fn=dict(type='document_collate'),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(type='SceneEpisodes', pictures=train_pictures, num_shots=(4, 8), pipeline=pack),
            # of single pictures, for CrossAttentionAlignment
            dict(type='SceneEpisodes', pictures=train_pictures, num_shots=(0, ), pipeline=pack),
        ]))
val_dataloader = dict(
    batch_size=20,
    num_workers=0,
    persistent_workers=False,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    collate_fn=dict(type='document_collate'),
    dataset=dict(type='SceneEpisodes', pictures=test_pictures, num_episodes=100, test_mode=True,
                 pipeline=pack))
test_dataloader = val_dataloader
# what is written freely, and the most likely of the episode's names
val_evaluator = dict(type='DocumentEvaluator', metrics=[
    dict(type='AnswerMetric'), dict(type='AnswerMetric', key='pred_choice', prefix='choice')])
test_evaluator = val_evaluator

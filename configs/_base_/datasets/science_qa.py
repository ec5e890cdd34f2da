# ScienceQA's questions with a picture, in the prompt format QCM-LEA: VISIONLLM_SCIENCEQA (default data/scienceqa/) holds
# problems.json, pid_splits.json, and images/SPLIT/ID/image.png (https://scienceqa.github.io).
root = '{{$VISIONLLM_SCIENCEQA:data/scienceqa/}}/'
science_qa = dict(type='ScienceQADataset', data_root=root, ann_file='problems.json', splits_file='pid_splits.json',
                  data_prefix=dict(img='images/'))
load = dict(type='LoadImage')
train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler'),
    collate_fn=dict(type='instruction_collate', vary=()),
    dataset=dict(**science_qa, split='train', pipeline=[load, dict(type='PackInstructionInputs', task='questions')]))
val_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(**science_qa, split='test', test_mode=True, pipeline=[
        load,
        dict(type='WriteInstruction', task='questions'),
        dict(type='PackInstructionInputs', task='questions'),
    ]))
test_dataloader = val_dataloader
val_evaluator = dict(type='AnswerMetric', pattern=r'The answer is \(?([A-H])\b')
test_evaluator = val_evaluator

# Documents of four photographs with a caption each, from a folder in COCO's layout:
#   VISIONLLM_COCO   the folder (default data/coco/); VISIONLLM_TRAIN and VISIONLLM_VAL are the names of its splits
#                    (default train2017 and val2017)
# In testing the shots are of the training split, and a photograph of the other is asked.
data_root = '{{$VISIONLLM_COCO:data/coco/}}/'
train = dict(
    type='CaptionDataset', data_root=data_root, data_prefix=dict(img='{{$VISIONLLM_TRAIN:train2017}}/'),
    ann_file='annotations/captions_{{$VISIONLLM_TRAIN:train2017}}.json',
    pipeline=[dict(type='LoadImage'), dict(type='LimitLongestEdge'), dict(type='PackInstructionInputs')])
val = dict(
    type='CaptionDataset', data_root=data_root, data_prefix=dict(img='{{$VISIONLLM_VAL:val2017}}/'), test_mode=True,
    ann_file='annotations/captions_{{$VISIONLLM_VAL:val2017}}.json', pipeline=train['pipeline'])
asked = dict(**train, per_caption=True)

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='MixtureSampler', batch_size=8, weights=[1, 0]),
    collate_fn=dict(type='document_collate'),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(type='FewShotDataset', dataset=asked, support=train, num_shots=3),
            # of single photographs, for CrossAttentionAlignment
            dict(type='FewShotDataset', dataset=asked, support=train, num_shots=0),
        ]))
val_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    collate_fn=dict(type='document_collate'),
    dataset=dict(type='FewShotDataset', dataset=val, support=train, num_shots=4))
test_dataloader = val_dataloader
val_evaluator = dict(type='DocumentEvaluator', metrics=[dict(type='CaptionMetric')])
test_evaluator = val_evaluator

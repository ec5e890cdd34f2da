# Flamingo's training on documents of the web, and its test on captions by examples.
#   VISIONLLM_MMC4 (default data/mmc4/)   tar shards of web datasets, *.tar, of MMC4 or OBELICS
#   VISIONLLM_COCO (default data/coco/)   train2017/, val2017/ and annotations/dataset_coco.json, the Karpathy split
# Pictures are not resized: that is left to the model.
pack = [dict(type='LoadImage'), dict(type='PackInstructionInputs')]
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='MixtureSampler', batch_size=8, weights=[1]),
    collate_fn=dict(type='document_collate'),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(type='InterleavedDataset', ann_file='*.tar', data_root='{{$VISIONLLM_MMC4:data/mmc4/}}/',
                 missing='leave_out', max_images=6, min_similarity=0.24, pipeline=pack),
        ]))
captions = dict(type='CaptionDataset', data_root='{{$VISIONLLM_COCO:data/coco/}}/', data_prefix=dict(img=''),
                ann_file='annotations/dataset_coco.json', test_mode=True, pipeline=pack)
val_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    collate_fn=dict(type='document_collate'),
    dataset=dict(
        type='FewShotDataset',
        dataset=dict(**captions, split='test'),
        support=dict(**captions, split=('train', 'restval')),
        num_shots=4))
test_dataloader = val_dataloader
val_evaluator = dict(type='DocumentEvaluator', metrics=[dict(type='CaptionMetric')])
test_evaluator = val_evaluator

# Episodes in which shots must matter: nonsense names for classes of photographs. As in few-shot detection (Kang et al.,
# ICCV 2019, first split of Pascal VOC) five classes are novel, for testing, and the other 15 are trained on.
#   VISIONLLM_VOC    Pascal VOC, for training (default data/voc/): instances_train.json, in COCO's format and with COCO's
#                    names, and images/
#   VISIONLLM_COCO   a folder in COCO's layout, for testing (default data/coco/); VISIONLLM_TRAIN is the name of the split
#                    that is used, of which nothing is trained on (default train2017)
voc = '{{$VISIONLLM_VOC:data/voc/}}/'
coco = '{{$VISIONLLM_COCO:data/coco/}}/'
base = [
    'airplane', 'bicycle', 'boat', 'bottle', 'car', 'cat', 'chair', 'dining table', 'dog', 'horse', 'person',
    'potted plant', 'sheep', 'train', 'tv'
]
novel = ['bird', 'bus', 'cow', 'motorcycle', 'couch']
pack = [dict(type='LoadImage'), dict(type='PackInstructionInputs')]
train = dict(type='CocoEpisodes', ann_file=voc + 'instances_train.json', img_prefix=voc + 'images', classes=base,
             pipeline=pack)
train_dataloader = dict(
    batch_size=6,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='MixtureSampler', batch_size=6, weights=[1, 0]),
    collate_fn=dict(type='document_collate'),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(**train, num_shots=(4, 8)),
            dict(**train, num_shots=(0, )),  # of single objects, for CrossAttentionAlignment
        ]))
val_dataloader = dict(
    batch_size=20,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    collate_fn=dict(type='document_collate'),
    dataset=dict(
        type='CocoEpisodes', ann_file=coco + 'annotations/instances_{{$VISIONLLM_TRAIN:train2017}}.json',
        img_prefix=coco + '{{$VISIONLLM_TRAIN:train2017}}', classes=novel, num_episodes=100, test_mode=True,
        pipeline=pack))
test_dataloader = val_dataloader
# what is written freely, and the most likely of the episode's names
val_evaluator = dict(type='DocumentEvaluator', metrics=[
    dict(type='AnswerMetric'), dict(type='AnswerMetric', key='pred_choice', prefix='choice')])
test_evaluator = val_evaluator

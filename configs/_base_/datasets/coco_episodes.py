# Episodes in which shots must matter: nonsense names for classes of photographs. As in few-shot detection (Kang et al.,
# ICCV 2019) the 20 classes of Pascal VOC are novel, for testing, and the other 60 of COCO are trained on.
#   VISIONLLM_COCO   a folder in COCO's layout (default data/coco/); VISIONLLM_TRAIN is the name of the split that is
#                    trained on (default train2017)
#   VISIONLLM_VOC    Pascal VOC (default data/voc/): instances_train.json, in COCO's format and with COCO's names, and images/
root = '{{$VISIONLLM_COCO:data/coco/}}/'
voc = '{{$VISIONLLM_VOC:data/voc/}}/'
novel = [
    'airplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow', 'dining table', 'dog', 'horse',
    'motorcycle', 'person', 'potted plant', 'sheep', 'couch', 'train', 'tv'
]
base = [
    'truck', 'traffic light', 'fire hydrant', 'stop sign', 'parking meter', 'bench', 'elephant', 'bear', 'zebra', 'giraffe',
    'backpack', 'umbrella', 'handbag', 'tie', 'suitcase', 'frisbee', 'skis', 'snowboard', 'sports ball', 'kite',
    'baseball bat', 'baseball glove', 'skateboard', 'surfboard', 'tennis racket', 'wine glass', 'cup', 'fork', 'knife',
    'spoon', 'bowl', 'banana', 'apple', 'sandwich', 'orange', 'broccoli', 'carrot', 'hot dog', 'pizza', 'donut', 'cake',
    'bed', 'toilet', 'laptop', 'mouse', 'remote', 'keyboard', 'cell phone', 'microwave', 'oven', 'toaster', 'sink',
    'refrigerator', 'book', 'clock', 'vase', 'scissors', 'teddy bear', 'hair drier', 'toothbrush'
]
pack = [dict(type='LoadImage'), dict(type='PackInstructionInputs')]
train = dict(type='CocoEpisodes', ann_file=root + 'annotations/instances_{{$VISIONLLM_TRAIN:train2017}}.json',
             img_prefix=root + '{{$VISIONLLM_TRAIN:train2017}}', classes=base, pipeline=pack)
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
    dataset=dict(type='CocoEpisodes', ann_file=voc + 'instances_train.json', img_prefix=voc + 'images', classes=novel,
                 num_episodes=200, test_mode=True, pipeline=pack))
test_dataloader = val_dataloader
# what is written freely, and the most likely of the episode's names
val_evaluator = dict(type='DocumentEvaluator', metrics=[
    dict(type='AnswerMetric'), dict(type='AnswerMetric', key='pred_choice', prefix='choice')])
test_evaluator = val_evaluator

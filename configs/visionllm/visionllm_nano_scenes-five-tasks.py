# Five tasks from one set of weights, on synthetic scenes.
#   python tools/train.py configs/visionllm/visionllm_nano_scenes-five-tasks.py
# The second stage: starts from the detector of visionllm_nano_scenes.py, with the tokenizer of guided-detr_nano_scenes.py.
_base_ = [
    '../_base_/models/visionllm_nano_five_tasks.py',
    '../_base_/datasets/scenes_five_tasks.py',
    '../_base_/schedules/adamw_cosine_pretrained.py',
    '../_base_/default_runtime.py',
]
model = dict(
    frozen=('backbone.*', 'neck.*'),
    init_cfg=[dict(type='Pretrained', checkpoint='work_dirs/visionllm_nano_scenes/iter_420.pth'),
              dict(type='TokenizerPretrained', checkpoint='work_dirs/guided-detr_nano_scenes/iter_5000.pth')])
custom_hooks = [
    dict(type='ChannelsLast'),
    dict(type='PretrainingHook', stages=[
        # with more and more generated questions, in which the model was weak
        dict(type='SceneDescription', name='scene-description-1', steps=1300, batch_size=8,
             dataset_weights=[0, 0, 0, 1, 1]),
        dict(type='SceneDescription', name='scene-description-2', steps=450, batch_size=8, lr=5e-4, extra_questions=6,
             dataset_weights=[0, 0, 0, 1, 2]),
        dict(type='SceneDescription', name='scene-description-3', steps=400, batch_size=8, lr=6e-4, extra_questions=12,
             dataset_weights=[0, 0, 0, 1, 4]),
        dict(type='SceneDescription', name='scene-description-4', steps=450, batch_size=8, lr=1e-3, extra_questions=12,
             dataset_weights=[0, 0, 0, 1, 3]),
        dict(type='SceneDescription', name='scene-description-5', steps=500, batch_size=8, lr=8e-4, extra_questions=12,
             dataset_weights=[0, 0, 0, 1, 3]),
        dict(type='RoIClassification', name='roi-classification', steps=8000, dataset_weights=[1, 0, 0, 1, 0]),
        dict(type='PhraseGrounding', name='phrase-grounding-1', steps=1600, lr=1e-3, batch_size=64,
             dataset_weights=[1, 0, 8, 1, 1]),
        dict(type='PhraseGrounding', name='phrase-grounding-2', steps=1300, lr=1e-3, batch_size=64,
             dataset_weights=[0, 0, 1, 0, 0]),
        dict(type='TokenWordAlignment', name='token-word-alignment', steps=1000, dataset_weights=[1, 1, 3, 1, 0]),
        dict(type='MaskPrediction', name='mask-prediction', steps=2400, dataset_weights=[0, 1, 0, 0, 0]),
    ]),
    dict(type='RehearseReading'),
]
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'refiners.guidance': dict(lr_mult=0.025),
                                                     'heads.tuples.coordinates.location_prior.mask_branch': dict(lr_mult=0.05),
                                                     'heads.text': dict(lr_mult=0.25)}))
max_iters = 200
train_cfg = dict(max_iters=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=max_iters, T_max=max_iters - 20, eta_min=0),
]
default_hooks = dict(checkpoint=dict(interval=100))
val_cfg = val_dataloader = val_evaluator = None  # measured once, by tools/test.py

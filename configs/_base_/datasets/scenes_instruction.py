# The same scenes, with one random instruction a training batch and a fixed one in testing.
_base_ = './scenes_detection.py'

train_dataloader = dict(
    collate_fn=dict(type='instruction_collate'),
    dataset=dict(pipeline=[
        dict(type='LoadImage'),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='RandomFlip', prob=0.5),
        dict(type='PackInstructionInputs', task='detection'),
    ]))
val_dataloader = dict(
    dataset=dict(pipeline=[
        dict(type='LoadImage'),
        dict(type='Resize', scale=(128, 128), keep_ratio=True),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='WriteInstruction', task='detection', wording=0),
        dict(type='PackInstructionInputs'),
    ]))
test_dataloader = val_dataloader

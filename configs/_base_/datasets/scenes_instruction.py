# The same scenes, with one random instruction a training batch and a fixed one in testing.
_base_ = './scenes_detection.py'

instruction_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'flip', 'flip_direction', 'text',
                    'instruction')
train_dataloader = dict(
    collate_fn=dict(type='instruction_collate', task='detection'),
    dataset=dict(pipeline=[
        dict(type='LoadImage'),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='RandomFlip', prob=0.5),
        dict(type='PackDetInputs', meta_keys=instruction_keys),
    ]))
val_dataloader = dict(
    dataset=dict(pipeline=[
        dict(type='LoadImage'),
        dict(type='Resize', scale=(128, 128), keep_ratio=True),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='WriteInstruction', task='detection', wording=0),
        dict(type='PackDetInputs', meta_keys=instruction_keys),
    ]))
test_dataloader = val_dataloader

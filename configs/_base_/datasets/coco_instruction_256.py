# coco_instruction.py at short side 256, for the small size.
_base_ = './coco_instruction.py'

scale = (448, 256)
train_dataloader = dict(
    batch_size=8,
    dataset=dict(pipeline=[
        dict(type='LoadImage'),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='Resize', scale=scale, keep_ratio=True),
        dict(type='RandomFlip', prob=0.5),
        dict(type='PackInstructionInputs', task='detection'),
    ]))
val_dataloader = dict(
    batch_size=4,
    dataset=dict(pipeline=[
        dict(type='LoadImage'),
        dict(type='Resize', scale=scale, keep_ratio=True),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='WriteInstruction', task='detection', wording=0),
        dict(type='PackInstructionInputs'),
    ]))
test_dataloader = val_dataloader

# coco_instruction.py for a model on a published detector, which resizes images itself:
# only those whose longest edge is over 1333 pixels are made smaller here.
_base_ = './coco_instruction.py'

train_dataloader = dict(
    batch_size=8,
    dataset=dict(pipeline=[
        dict(type='LoadImage'),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='LimitLongestEdge'),
        dict(type='PackInstructionInputs', task='detection'),
    ]))
val_dataloader = dict(
    batch_size=4,
    dataset=dict(pipeline=[
        dict(type='LoadImage'),
        dict(type='LimitLongestEdge'),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='WriteInstruction', task='detection', wording=0),
        dict(type='PackInstructionInputs'),
    ]))
test_dataloader = val_dataloader

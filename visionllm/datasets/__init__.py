from .coco import AnnotationError, InstructionCocoDataset
from .images import ImageError, LoadImage
from .instruct import WriteInstruction, instruction_collate
from .scene_dataset import SceneDataset

__all__ = [
    'AnnotationError', 'ImageError', 'InstructionCocoDataset', 'LoadImage', 'SceneDataset', 'WriteInstruction',
    'instruction_collate'
]

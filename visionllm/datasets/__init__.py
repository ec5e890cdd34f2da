from visionllm import mmdet_setup  # noqa: F401
from visionllm.annotations import AnnotationError, ImageError

from .augmentation import SeededAlbu
from .captions import CaptionDataset
from .coco import InstructionCocoDataset
from .conversations import ConversationDataset
from .images import LoadImage
from .instruct import PackInstructionInputs, WriteInstruction, instruction_collate
from .keypoints import KeypointCocoDataset, LoadKeypoints
from .lvis import LVIS_NAMES, LvisInstructionDataset
from .mixture_sampler import MixtureSampler
from .referring import ReferringDataset
from .scene_dataset import SceneDataset, SceneKeypointDataset, SceneLanguageDataset
from .science_qa import ScienceQADataset
from .seeded_sampling import SeededDataset, SeededSampler

__all__ = [
    'LVIS_NAMES', 'AnnotationError', 'CaptionDataset', 'ConversationDataset', 'ImageError', 'InstructionCocoDataset',
    'KeypointCocoDataset', 'LoadImage', 'LoadKeypoints', 'LvisInstructionDataset', 'MixtureSampler', 'SeededAlbu',
    'SeededDataset', 'SeededSampler', 'PackInstructionInputs', 'ReferringDataset', 'SceneDataset', 'WriteInstruction',
    'instruction_collate', 'SceneKeypointDataset', 'SceneLanguageDataset',
    'ScienceQADataset'
]

from visionllm import mmdet_setup  # noqa: F401
from visionllm.annotations import AnnotationError, ImageError

from .augmentation import SeededAlbu
from .box_episodes import SceneBoxEpisodes
from .captions import CaptionDataset
from .coco import InstructionCocoDataset
from .coco_episodes import CocoEpisodes
from .conversations import ConversationDataset
from .documents import document_collate
from .few_shot import FewShotDataset
from .images import LimitLongestEdge, LoadImage
from .instruct import PackInstructionInputs, WriteInstruction, instruction_collate
from .interleaved import InterleavedDataset
from .keypoints import KeypointCocoDataset, LoadKeypoints
from .lvis import LVIS_NAMES, LvisInstructionDataset
from .mixture_sampler import MixtureSampler
from .referring import ReferringDataset
from .scene_dataset import SceneDataset, SceneKeypointDataset, SceneLanguageDataset
from .scene_episodes import SceneEpisodes
from .science_qa import ScienceQADataset
from .seeded_sampling import SeededDataset, SeededSampler

__all__ = [
    'AnnotationError', 'CaptionDataset', 'CocoEpisodes', 'ConversationDataset', 'FewShotDataset', 'ImageError',
    'InstructionCocoDataset', 'InterleavedDataset', 'KeypointCocoDataset', 'LVIS_NAMES', 'LimitLongestEdge',
    'LoadImage', 'LoadKeypoints', 'LvisInstructionDataset', 'MixtureSampler', 'PackInstructionInputs',
    'ReferringDataset', 'SceneBoxEpisodes', 'SceneDataset', 'SceneEpisodes', 'SceneKeypointDataset',
    'SceneLanguageDataset', 'ScienceQADataset', 'SeededAlbu', 'SeededDataset', 'SeededSampler', 'WriteInstruction',
    'document_collate', 'instruction_collate'
]

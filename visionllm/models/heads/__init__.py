from .autoregressive import AutoregressiveCoordinates
from .class_reader import ClassMapReader
from .coordinates import ParallelCoordinates
from .expression_guidance import ExpressionGuidance
from .format_query import FormatQueryHead
from .interleaved import InterleavedTextHead
from .keypoint_branch import KeypointBranch
from .location_prior import LocationPrior
from .mask_branch import MaskBranch
from .name_alignment import NameAlignment
from .next_token import NextTokenHead
from .objectness import ObjectnessPrior
from .proposals import ProposalHead
from .unet_mask_branch import UNetMaskBranch
from .vocabulary_reader import VocabularyReader

__all__ = ['AutoregressiveCoordinates', 'ClassMapReader', 'ExpressionGuidance', 'FormatQueryHead',
           'InterleavedTextHead', 'KeypointBranch', 'LocationPrior', 'MaskBranch', 'NameAlignment', 'NextTokenHead',
           'ObjectnessPrior', 'ParallelCoordinates', 'ProposalHead', 'UNetMaskBranch', 'VocabularyReader']

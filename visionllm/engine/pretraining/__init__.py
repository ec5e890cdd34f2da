from .class_map_reading import ClassMapReading, RehearseReading
from .cross_attention_alignment import CrossAttentionAlignment
from .hook import PretrainingHook
from .instruction_tuning import InstructionTuning
from .keypoint_localization import KeypointLocalization
from .mask_prediction import MaskPrediction
from .phrase_grounding import PhraseGrounding
from .projector_alignment import ProjectorAlignment
from .referring_expressions import ReferringExpressions
from .roi_classification import RoIClassification
from .scene_description import SceneDescription
from .scene_questions import SceneQuestions
from .stage import PretrainingStage
from .token_word_alignment import TokenWordAlignment

__all__ = ['ClassMapReading', 'CrossAttentionAlignment', 'InstructionTuning', 'KeypointLocalization', 'MaskPrediction',
           'PhraseGrounding', 'PretrainingHook', 'PretrainingStage', 'ProjectorAlignment', 'ReferringExpressions',
           'RehearseReading', 'RoIClassification', 'SceneDescription', 'SceneQuestions', 'TokenWordAlignment']

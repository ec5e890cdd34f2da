from .class_map_reading import ClassMapReading, RehearseReading
from .hook import PretrainingHook
from .instruction_tuning import InstructionTuning
from .keypoint_localization import KeypointLocalization
from .mask_prediction import MaskPrediction
from .phrase_grounding import PhraseGrounding
from .picture_word_alignment import PictureWordAlignment
from .referring_expressions import ReferringExpressions
from .roi_classification import RoIClassification
from .scene_description import SceneDescription
from .stage import PretrainingStage
from .token_word_alignment import TokenWordAlignment
from .word_alignment import WordAlignment

__all__ = ['ClassMapReading', 'InstructionTuning', 'KeypointLocalization', 'MaskPrediction', 'PhraseGrounding',
           'PictureWordAlignment', 'PretrainingHook', 'PretrainingStage', 'ReferringExpressions', 'RehearseReading',
           'RoIClassification', 'SceneDescription', 'TokenWordAlignment', 'WordAlignment']

from visionllm import mmdet_setup  # noqa: F401

from .instructions import (
    MAX_CLASSES_PER_INSTRUCTION,
    Instruction,
    check_class_names,
    fault_in_class_name,
    instruction_sentences,
    parse_instruction,
    render_instruction,
    sample_class_set,
)
from .output_format import InstructionError, OutputFormat, keypoint_format, parse_format
from .tasks import TASKS, Task
from .vocabulary import Vocabulary, extend_tokenizer

__all__ = [
    'MAX_CLASSES_PER_INSTRUCTION', 'TASKS', 'Instruction', 'InstructionError', 'OutputFormat', 'Task', 'Vocabulary',
    'check_class_names', 'extend_tokenizer', 'fault_in_class_name', 'instruction_sentences', 'keypoint_format',
    'parse_format', 'parse_instruction', 'render_instruction', 'sample_class_set'
]

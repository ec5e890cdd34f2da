from .formats import InstructionError, OutputFormat, named_points, parse_format
from .instructions import (
    NAMES_AT_ONCE,
    Instruction,
    check_class_names,
    draw_class_set,
    parse_instruction,
    sentences_of,
    write_instruction,
)
from .tasks import TASKS, Task
from .vocabulary import Vocabulary, extend_tokenizer

__all__ = [
    'NAMES_AT_ONCE', 'TASKS', 'Instruction', 'InstructionError', 'OutputFormat', 'Task', 'Vocabulary',
    'check_class_names', 'draw_class_set', 'extend_tokenizer', 'named_points', 'parse_format', 'parse_instruction',
    'sentences_of', 'write_instruction'
]

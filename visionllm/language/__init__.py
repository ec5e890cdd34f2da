from .formats import InstructionError, OutputFormat, named_points, parse_format
from .instructions import Instruction, draw_class_set, parse_instruction, write_instruction
from .tasks import TASKS, Task
from .vocabulary import Vocabulary, extend_tokenizer

__all__ = [
    'TASKS', 'Instruction', 'InstructionError', 'OutputFormat', 'Task', 'Vocabulary', 'draw_class_set',
    'extend_tokenizer', 'named_points', 'parse_format', 'parse_instruction', 'write_instruction'
]

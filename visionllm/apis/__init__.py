from .inferencer import Answer, Inferencer, write_answers

__all__ = ['Answer', 'Inferencer', 'write_answers']

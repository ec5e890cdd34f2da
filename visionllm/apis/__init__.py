from .inferencer import Answer, Inferencer, draw, write_answers

__all__ = ['Answer', 'Inferencer', 'draw', 'write_answers']

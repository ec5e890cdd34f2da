from .inferencer import SHIPPED, Answer, Inferencer, draw, write_answers

__all__ = ['SHIPPED', 'Answer', 'Inferencer', 'draw', 'write_answers']

from .internimage import InternImage
from .pretrained import BackbonePretrained

__all__ = ['BackbonePretrained', 'InternImage']

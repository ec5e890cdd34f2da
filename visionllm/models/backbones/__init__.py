from .efficientnet_lite import EfficientNetLite
from .internimage import InternImage
from .pretrained import BackbonePretrained

__all__ = ['BackbonePretrained', 'EfficientNetLite', 'InternImage']

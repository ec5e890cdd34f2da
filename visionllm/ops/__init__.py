from visionllm import mmdet_setup  # noqa: F401

from .dcnv3 import dcnv3
from .ms_deform_attn import ms_deform_attn

__all__ = ['dcnv3', 'ms_deform_attn']

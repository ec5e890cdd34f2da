"""Maps of one place, brought together so that points and masks can be found in them (an addition to the paper)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from visionllm.structures import CloseUps, ImageTokens


def close_ups_for(part: str, tokens: ImageTokens) -> CloseUps:
    """What a part that the config calls so looks at.

    Raises:
        ValueError: There is nothing.
    """
    if tokens.close_ups is None:
        raise ValueError(f'{part} looks into close-ups, which a second look takes: add second_look=dict(type='
                         f'\'SecondLook\') to the model, or leave {part} out.')
    return tokens.close_ups


class Laterals(nn.ModuleList):
    """Maps as one: fine ones see edges, coarse ones what they are edges of.

    Args:
        in_channels: Of the maps, the finest first.
        channels: Of what comes out.
    """

    def __init__(self, in_channels: Sequence[int], channels: int):
        super().__init__(nn.Conv2d(each, channels, 1) for each in in_channels)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """``float[n, channels, H, W]`` of maps ``float[n, in_channels, .., ..]``, as large as the finest."""
        size = maps[0].shape[-2:]
        return sum(F.interpolate(lateral(each), size, mode='bilinear') for lateral, each in zip(self, maps))


class CloseUp(nn.Module):
    """Maps as one in which each pixel learns where it is.

    Args:
        in_channels: Of the maps, the finest first.
        channels: Of what comes out.
    """

    def __init__(self, in_channels: Sequence[int], channels: int):
        super().__init__()
        self.lateral = Laterals(in_channels, channels)
        norm = dict(type='GN', num_groups=8)
        self.mix = nn.Sequential(ConvModule(channels + 2, channels, 3, padding=1, norm_cfg=norm),
                                 nn.Conv2d(channels, channels, 1))

    def forward(self, maps: list[Tensor]) -> Tensor:
        """``float[n, channels, H, W]`` of maps ``float[n, in_channels, .., ..]``, as large as the finest."""
        rows, columns = size = maps[0].shape[-2:]
        y, x = (torch.linspace(-1, 1, side, device=maps[0].device, dtype=maps[0].dtype) for side in size)
        where = torch.stack([x.expand(rows, -1), y[:, None].expand(-1, columns)]).expand(len(maps[0]), -1, -1, -1)
        return self.mix(torch.cat([self.lateral(maps), where], 1))

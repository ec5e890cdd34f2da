"""Outlines that move to the edges they follow (an addition to the paper).

A token knows its whole outline from one vector; where exactly an edge runs only pixels say. As in Deep Snake (Peng et
al., CVPR 2020, section 3.1) features under the points of an outline go through convolutions along it, and say where
each point should move.

Letters: n outlines, P points, C channels of all maps.
"""

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import Tensor, nn

STEP = 0.25  # of a map's half side: what an output of 1 moves a point by


class Snake(nn.Module):
    """Look under the points, move them, look again. Starts as nothing: its output layers are zero.

    Args:
        pixels: Channels of the picture.
        channels: Channels of the coarser maps, together.
        rounds: How often points are moved.
        edges: Channels of what is seen in the picture itself.
        width: Channels along the outline.
    """

    def __init__(self, pixels: int, channels: int, rounds: int = 2, edges: int = 24, width: int = 64):
        super().__init__()
        norm = dict(norm_cfg=dict(type='BN'), bias=False, padding=1)
        self.edges = nn.Sequential(ConvModule(pixels, edges, 3, **norm), ConvModule(edges, edges, 3, **norm))
        self.rounds = nn.ModuleList(_Round(edges + channels + 2, width) for _ in range(rounds))

    def forward(self, picture: Tensor, maps: list[Tensor], outlines: Tensor) -> Tensor:
        """Outlines, moved.

        Args:
            picture: ``float[n, 3, H, W]`` around each outline.
            maps: The same place in coarser features, each ``float[n, C', H', W']``.
            outlines: ``float[n, P, 2]``; -1 and 1 are the picture's borders.
        """
        maps = [self.edges(picture), *maps]
        for move in self.rounds:
            at = outlines.detach()
            under = [F.grid_sample(each, at[:, None], padding_mode='border', align_corners=False)[:, :, 0]
                     for each in maps]
            outlines = outlines + STEP * move(torch.cat([*under, at.mT], 1))
        return outlines


class _Round(nn.Module):
    """What lies under the points ``float[n, C + 2, P]`` to how they move, ``float[n, P, 2]``: convolutions along the
    ring, wider and wider apart, and the ring as a whole."""

    def __init__(self, channels: int, width: int, dilations: tuple[int, ...] = (1, 2, 4, 4)):
        super().__init__()
        self.enter = nn.Conv1d(channels, width, 1)
        self.along = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(width, width, 5, dilation=d, padding=2 * d, padding_mode='circular'),
                nn.GroupNorm(8, width), nn.ReLU()) for d in dilations)
        self.leave = nn.Conv1d(2 * width, 2, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, under: Tensor) -> Tensor:
        states = self.enter(under)
        for convolve in self.along:
            states = states + convolve(states)
        whole = states.amax(-1, keepdim=True).expand_as(states)
        return self.leave(torch.cat([states, whole], 1)).mT

"""Which pixels of its close-up belong to a token's object, and so its outline (an addition to the paper).

A token knows its whole outline from one vector: enough for a disc, not for a ring that something cuts open or a star
half hidden. Pixels know, once they are told whom they are asked about: as in CondInst (Tian et al., ECCV 2020), the
token says by which weights the features of its own close-up become a mask. The mask's edge has as many points as
anybody asks for.

Letters: B pictures, n tokens of each, P side of a close-up in pixels.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from visionllm.structures import ImageTokens, Mean
from visionllm.structures.places import pixel_centres
from visionllm.structures.polygons import soft_masks

from .close_up import Laterals, close_ups_for

RARE = -1.0  # what a pixel starts with: most of a frame is not the object
REACH = 2.0  # half sides of a box; farther away it does not matter how far


class MaskBranch(nn.Module):
    """Features of a close-up, scaled by what its token is, asked by the token. Starts as nothing: its output layer is
    zero, and no pixel the object's.

    Args:
        in_channels: Of the close-ups' maps, the finest first.
        token_channels: Of the image tokens.
        width: Channels between.
        edges: Channels of what is seen in the picture itself.
        hidden: Channels of a token's question.
    """

    def __init__(self, in_channels: Sequence[int], token_channels: int, width: int = 32, edges: int = 24,
                 hidden: int = 256):
        super().__init__()
        batch_norm = dict(norm_cfg=dict(type='BN'), bias=False, padding=1)
        self.edges = nn.Sequential(ConvModule(3, edges, 3, **batch_norm), ConvModule(edges, edges, 3, **batch_norm))
        self.lateral = Laterals((edges, *in_channels), width)
        self.mix = nn.Sequential(
            ConvModule(width + 2, width, 3, padding=1, norm_cfg=dict(type='GN', num_groups=8)),
            nn.Conv2d(width, width, 3, padding=1))
        self.ask = nn.Sequential(nn.LayerNorm(token_channels + 2), nn.Linear(token_channels + 2, hidden), nn.GELU(),
                                 nn.Linear(hidden, 2 * width))
        nn.init.zeros_(self.ask[-1].weight)
        nn.init.zeros_(self.ask[-1].bias)

    def forward(self, tokens: ImageTokens) -> Tensor:
        """Logits ``float[B, n, P, P]`` of the tokens' close-ups.

        Raises:
            ValueError: They have none.
        """
        seen = close_ups_for('mask_branch', tokens)
        picture, *maps = (each.flatten(0, 1) for each in (seen.pictures, *seen.maps))
        boxes, frames = tokens.boxes.detach().flatten(0, 1), seen.frames.flatten(0, 1)
        boxes = torch.cat([boxes[:, :2] - frames[:, :2], boxes[:, 2:]], 1) / frames[:, 2:].repeat(1, 2)  # in the frame
        asked = torch.cat([tokens.embeddings.flatten(0, 1), boxes[:, 2:]], -1)
        scale, question = self.ask(asked).chunk(2, -1)
        size = picture.shape[-2:]
        features = self.lateral([self.edges(picture), *maps]) * (1 + scale[..., None, None])
        features = self.mix(torch.cat([features, _from_the_box(boxes, size)], 1))
        answer = question[:, None].float() @ features.flatten(2).float() / math.sqrt(features.shape[1])
        return (answer + RARE).unflatten(-1, size).unflatten(0, seen.frames.shape[:2])[:, :, 0]

    def loss(self, tokens: ImageTokens, real: Tensor, rings: Tensor) -> dict[str, Mean]:
        """Cross-entropy and Dice, both as they are, a mean over tokens.

        Args:
            tokens: n of each picture.
            real: ``bool[B, n]``, which of them are of an object.
            rings: ``float[m, N, 2]``, outlines of these objects, in [0, 1] of the picture.
        """
        logits = self(tokens)[real]
        centre, sides = tokens.close_ups.frames[real][:, None].split(2, -1)
        truth = soft_masks((rings - centre) / sides + 0.5, logits.shape[-1])
        entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction='none').mean((1, 2))
        found = logits.sigmoid()
        shared, total = (found * truth).sum((1, 2)), (found + truth).sum((1, 2))
        return dict(loss_mask=Mean((entropy + 1 - (2 * shared + 1) / (total + 1)).sum(), len(logits)))


def _from_the_box(boxes: Tensor, size: torch.Size) -> Tensor:
    """Where pixels lie, in half sides of boxes and from their middles: ``float[m, 2, H, W]``.

    Args:
        boxes: ``float[m, 4]`` cxcywh in maps whose middle is 0 and whose sides are 1.
    """
    y, x = (pixel_centres(side, boxes) for side in size)
    where = torch.stack([x.expand(size), y[:, None].expand(size)])  # [2, H, W]
    centre, sides = boxes[..., None, None].split(2, 1)
    return ((where - centre) / (sides / 2)).clamp(-REACH, REACH)

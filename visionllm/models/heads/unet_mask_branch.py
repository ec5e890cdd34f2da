"""Instance masks on RoI crops by a U-Net (Ronneberger et al., MICCAI 2015), an addition to the paper.

An encoder's maps of a crop are decoded from the lowest resolution to the highest. The object is the one in the token's
box, whose coordinates each level is given; the token itself is not read, so the tokens of any tokenizer will do.

Dimensions: B images, n tokens of each, m = B n, S side of a mask in pixels.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmdet.registry import MODELS
from torch import Tensor, nn

from visionllm.structures import ImageTokens

from .mask_branch import PRIOR_LOGIT, box_coordinates, boxes_on_crops
from .roi_features import require_roi_crops

CROPS_AT_ONCE = 32  # whose maps fit a CPU's cache: 200 at once take more than twice the time


@MODELS.register_module()
class UNetMaskBranch(nn.Module):
    """Mask logits on the RoI crop of each token. The output layer is zero-initialized, so that an untrained branch
    predicts empty masks.

    Args:
        encoder: Config of a backbone that reads the cropped RGB pixels in [0, 1], such as ``EfficientNetLite``.
        in_channels: Of its maps, highest resolution first; S is the side of the first.
        token_channels: Unused; every mask branch is given them.
        widths: Channels of each level.
        stem_width: Channels of the features of the cropped pixels themselves, whose side is 2 S.
    """

    def __init__(self, encoder: dict, in_channels: Sequence[int], token_channels: int,
                 widths: Sequence[int] = (32, 64, 96, 128, 128), stem_width: int = 16):
        super().__init__()
        self.encoder = MODELS.build(encoder)
        self.stem = nn.Sequential(
            ConvModule(3, stem_width, 3, stride=2, padding=1, norm_cfg=dict(type='BN'), bias=False),
            nn.Conv2d(stem_width, widths[0], 1))
        self.lateral = nn.ModuleList(nn.Conv2d(*each, 1) for each in zip(in_channels, widths))
        self.reduce = nn.ModuleList(nn.Conv2d(*each, 1) for each in zip(widths[1:], widths))
        self.mix = nn.ModuleList(_mix(width) for width in widths)
        self.output = nn.Sequential(_mix(widths[0]), nn.Conv2d(widths[0], 1, 1))
        nn.init.zeros_(self.output[-1].weight)
        nn.init.constant_(self.output[-1].bias, PRIOR_LOGIT)
        self.to(memory_format=torch.channels_last)  # twice as fast on a CPU

    def forward(self, tokens: ImageTokens) -> Tensor:
        """Logits ``float[B, n, S, S]`` on the tokens' RoI crops.

        Raises:
            ConfigError: There are no crops.
        """
        crops = require_roi_crops('mask_branch', tokens)
        boxes = boxes_on_crops(tokens.boxes, crops.boxes)  # [m, 4]
        pixels = crops.images.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        parts = zip(pixels.split(CROPS_AT_ONCE), boxes.split(CROPS_AT_ONCE))
        return torch.cat([self._masks(*part) for part in parts]).unflatten(0, crops.boxes.shape[:2])

    def _masks(self, pixels: Tensor, boxes: Tensor) -> Tensor:
        """Logits ``float[m, S, S]`` of crops ``float[m, 3, 2 S, 2 S]`` with boxes ``float[m, 4]`` on them."""
        features = [lateral(each) for lateral, each in zip(self.lateral, self.encoder(pixels))]
        features[0] = features[0] + self.stem(pixels)
        decoded = self.mix[-1](_with_coordinates(features[-1], boxes))
        for skip, reduce, mix in reversed(list(zip(features, self.reduce, self.mix))):
            upsampled = F.interpolate(reduce(decoded), skip.shape[-2:], mode='bilinear')
            decoded = mix(_with_coordinates(skip + upsampled, boxes))
        return self.output(_with_coordinates(decoded, boxes))[:, 0]


def _mix(width: int) -> ConvModule:
    return ConvModule(width + 2, width, 3, padding=1, bias=False, norm_cfg=dict(type='GN', num_groups=8))


def _with_coordinates(features: Tensor, boxes: Tensor) -> Tensor:
    return torch.cat([features, box_coordinates(boxes, features.shape[-2:])], 1)

"""Instance masks on RoI crops (an addition to the paper).

As in CondInst (Tian et al., ECCV 2020), the token predicts the weights by which the features of its crop become a mask.
Polygons of any number of points are then cut out of the mask.

Dimensions: B images, n tokens of each, m of them with an object, S side of a crop in pixels, N points of a polygon.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmdet.registry import MODELS
from torch import Tensor, nn

from visionllm.structures import ImageTokens, LossTerm
from visionllm.structures.polygons import polygons_to_soft_masks

from ..box_position_embedding import pixel_centers
from .roi_features import LateralFusion, require_roi_crops

PRIOR_LOGIT = -1.0  # most pixels of a crop are background
MAX_COORDINATE = 2.0  # half sides of a box; farther away the distance does not matter


@MODELS.register_module()
class MaskBranch(nn.Module):
    """Mask logits on the RoI crop of each token.

    The token scales the features and gives the weights of the last 1x1 convolution; its output layer is
    zero-initialized, so that an untrained branch predicts empty masks.

    Args:
        in_channels: Of the crops' feature maps, highest resolution first.
        token_channels: Of the image tokens.
        width: Channels of the mask features.
        stem_width: Channels of the features of the cropped pixels themselves.
        hidden: Channels of the MLP that predicts the weights.
    """

    def __init__(self, in_channels: Sequence[int], token_channels: int, width: int = 32, stem_width: int = 24,
                 hidden: int = 256):
        super().__init__()
        conv = dict(norm_cfg=dict(type='BN'), bias=False, padding=1)
        self.stem = nn.Sequential(ConvModule(3, stem_width, 3, **conv),
                                  ConvModule(stem_width, stem_width, 3, **conv))
        self.lateral = LateralFusion((stem_width, *in_channels), width)
        self.mix = nn.Sequential(
            ConvModule(width + 2, width, 3, padding=1, norm_cfg=dict(type='GN', num_groups=8)),
            nn.Conv2d(width, width, 3, padding=1))
        condition = token_channels + 2
        self.controller = nn.Sequential(nn.LayerNorm(condition), nn.Linear(condition, hidden), nn.GELU(),
                                        nn.Linear(hidden, 2 * width))
        nn.init.zeros_(self.controller[-1].weight)
        nn.init.zeros_(self.controller[-1].bias)

    def forward(self, tokens: ImageTokens) -> Tensor:
        """Logits ``float[B, n, S, S]`` on the tokens' RoI crops.

        Raises:
            ConfigError: There are no crops.
        """
        crops = require_roi_crops('mask_branch', tokens)
        pixels, *maps = (each.flatten(0, 1) for each in (crops.images, *crops.feature_maps))
        boxes = boxes_on_crops(tokens.boxes, crops.boxes)
        condition = torch.cat([tokens.embeddings.flatten(0, 1), boxes[:, 2:]], -1)
        scale, weight = self.controller(condition).chunk(2, -1)
        stem = self.stem(pixels)
        size = stem.shape[-2:]
        features = self.lateral([stem, *maps]) * (1 + scale[..., None, None])
        features = self.mix(torch.cat([features, box_coordinates(boxes, size)], 1))
        logits = weight[:, None].float() @ features.flatten(2).float() / math.sqrt(features.shape[1])
        return (logits + PRIOR_LOGIT).unflatten(-1, size).unflatten(0, crops.boxes.shape[:2])[:, :, 0]


def mask_losses(logits: Tensor, regions: Tensor, contours: Tensor) -> dict[str, LossTerm]:
    """Binary cross-entropy plus Dice loss, averaged over tokens.

    Args:
        logits: ``float[m, S, S]`` of tokens with an object.
        regions: ``float[m, 4]``, the crops that they are on, cxcywh in [0, 1] of the image.
        contours: ``float[m, N, 2]`` of the objects, in [0, 1] of the image.
    """
    center, sides = regions[:, None].split(2, -1)
    target = polygons_to_soft_masks((contours - center) / sides + 0.5, logits.shape[-1])
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction='none').mean((1, 2))
    predicted = logits.sigmoid()
    intersection, total = (predicted * target).sum((1, 2)), (predicted + target).sum((1, 2))
    dice = 1 - (2 * intersection + 1) / (total + 1)
    return dict(loss_mask=LossTerm((entropy + dice).sum(), len(logits)))


def mask_scores(logits: Tensor) -> Tensor:
    """How sure masks are, in [0, 1]: the mean probability of the pixels inside (SOLO: Wang et al., ECCV 2020), or the
    highest of an empty mask.

    Args:
        logits: ``float[..., S, S]``.

    Returns:
        ``float[...]``.
    """
    probability = logits.float().sigmoid().flatten(-2)
    inside = probability > 0.5
    mean = (probability * inside).sum(-1) / inside.sum(-1).clamp_min(1)
    return torch.where(inside.any(-1), mean, probability.amax(-1))


def boxes_on_crops(boxes: Tensor, regions: Tensor) -> Tensor:
    """Boxes ``float[m, 4]`` cxcywh on crops whose center is 0 and whose sides are 1.

    Args:
        boxes: ``float[B, n, 4]`` cxcywh in [0, 1] of the image.
        regions: ``float[B, n, 4]``, the crops, in the same form.
    """
    boxes, regions = boxes.detach().flatten(0, 1), regions.flatten(0, 1)
    return torch.cat([boxes[:, :2] - regions[:, :2], boxes[:, 2:]], 1) / regions[:, 2:].repeat(1, 2)


def box_coordinates(boxes: Tensor, size: torch.Size) -> Tensor:
    """Pixel coordinates relative to boxes, in half sides from their centers: ``float[m, 2, H, W]``.

    Args:
        boxes: ``float[m, 4]`` cxcywh in crops whose center is 0 and whose sides are 1.
    """
    y, x = (pixel_centers(side, boxes) for side in size)
    coordinates = torch.stack([x.expand(size), y[:, None].expand(size)])  # [2, H, W]
    center, sides = boxes[..., None, None].split(2, 1)
    return ((coordinates - center) / (sides / 2)).clamp(-MAX_COORDINATE, MAX_COORDINATE)

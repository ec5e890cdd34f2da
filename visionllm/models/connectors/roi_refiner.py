"""Refinement of image tokens by RoI crops of the input image (an addition to the paper).

The tokenizer reads maps of stride 8 and more, where a small object is two pixels wide, and sees objects at every size.
In a crop of fixed size all objects have one scale, so a small convolutional network separates classes that the
tokenizer confuses, and corrects the boxes.

Dimensions: B images, M image tokens, C token channels, S = ``crop_size``, H x W the padded input.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from visionllm.structures import ImageTokens, RoICrops, TextFeatures

from ..box_position_embedding import pixel_centers
from .language_guided import valid_ratio


@MODELS.register_module()
class RoIRefiner(BaseModule):
    """Add features of an RoI crop to each token's embedding, refine its box and contour, and keep the crops.

    The output layers are zero-initialized: an untrained refiner changes nothing.

    Args:
        channels: C.
        text_width: Unused; every refiner of ``VisionLLM`` is given it.
        crop_size: S, side of a crop in pixels.
        crop_scale: Side of the cropped region, in multiples of the longer side of the token's box.
        drop_prob: Share of tokens whose own embedding is dropped in training, so that the crop's features must suffice.
        widths: Channels of the stages; each halves the resolution.
    """

    def __init__(self, channels: int, text_width: int = 0, crop_size: int = 48, crop_scale: float = 1.3,
                 drop_prob: float = 0.5, widths: Sequence[int] = (24, 48, 96, 128)):
        super().__init__()
        self.crop_size, self.crop_scale, self.drop_prob = crop_size, crop_scale, drop_prob
        norm = dict(norm_cfg=dict(type='BN'), bias=False)
        stages = [nn.Sequential(ConvModule(before, width, 3, stride=2, padding=1, **norm),
                                ConvModule(width, width, 3, padding=1, **norm))
                  for before, width in zip((3, *widths), widths)]
        self.stages = nn.Sequential(*stages)
        self.embedding_branch = nn.Linear(widths[-1], channels)
        pixels = math.ceil(crop_size / 2**len(widths))**2  # of the last stage
        self.box_branch = nn.Sequential(nn.Linear(widths[-1] * pixels, channels), nn.ReLU(), nn.Linear(channels, 4))
        for last in (self.embedding_branch, self.box_branch[-1]):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, tokens: ImageTokens, images: Tensor, pixel_mask: Tensor,
                text: TextFeatures | None = None) -> ImageTokens:
        """The refined tokens, with ``roi_crops``.

        Args:
            images: ``float[B, 3, H, W]``, normalized and padded.
            pixel_mask: ``bool[B, H, W]``, True = real pixel.
            text: Unused.
        """
        boxes = self.crop_boxes(pixel_mask, tokens.boxes.detach())
        crops = self.crop(images, pixel_mask, boxes).flatten(0, 1)
        maps = list(accumulate(self.stages, lambda features, stage: stage(features), initial=crops))
        crops, *maps = (each.unflatten(0, boxes.shape[:2]) for each in maps)
        last = maps[-1]  # [B, M, widths[-1], .., ..]
        embeddings = tokens.embeddings
        if self.training:
            embeddings = embeddings * (torch.rand_like(embeddings[..., :1]) >= self.drop_prob)
        refined, contours = self._refine_boxes(tokens, self.box_branch(last.flatten(2)))
        return replace(tokens, embeddings=embeddings + self.embedding_branch(last.mean((3, 4))), boxes=refined,
                       contours=contours, roi_crops=RoICrops(maps, boxes, crops))

    @staticmethod
    def _refine_boxes(tokens: ImageTokens, deltas: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes changed by ``float[B, M, 4]`` in units of their sides (as in Faster R-CNN); contours follow them."""
        shift, log_scale = deltas.split(2, -1)
        centers, sides = tokens.boxes.split(2, -1)
        moved, scale = centers + sides * shift, log_scale.exp()
        contours = moved[..., None, :] + (tokens.contours - centers[..., None, :]) * scale[..., None, :]
        return torch.cat([moved, sides * scale], -1).clamp(0, 1), contours

    def crop(self, images: Tensor, pixel_mask: Tensor, boxes: Tensor) -> Tensor:
        """Bilinear crops of regions ``float[B, M, 4]`` (cxcywh in [0, 1]): ``float[B, M, 3, S, S]``, zero outside."""
        center, sides = boxes[..., None, :].split(2, -1)
        points = center + sides * pixel_centers(self.crop_size, boxes)[:, None]  # [B, M, S, 2] in [0, 1]
        x, y = (2 * points * valid_ratio(pixel_mask)[:, None, None] - 1).unbind(-1)  # of the padded image, in [-1, 1]
        size = self.crop_size
        grid = torch.stack([x[:, :, None].expand(-1, -1, size, -1), y[..., None].expand(-1, -1, -1, size)],
                           -1)  # [B, M, S, S, 2]
        crops = F.grid_sample(images, grid.flatten(1, 2), align_corners=False)  # [B, 3, M S, S]
        return crops.unflatten(2, (boxes.shape[1], size)).transpose(1, 2)

    def crop_boxes(self, pixel_mask: Tensor, boxes: Tensor) -> Tensor:
        """Regions ``float[B, M, 4]`` around boxes ``float[B, M, 4]`` (both cxcywh in [0, 1]): squares in pixels."""
        size = (valid_ratio(pixel_mask) * boxes.new_tensor(pixel_mask.shape[:0:-1]))[:, None]  # [B, 1, 2], in pixels
        center, sides = boxes.split(2, -1)
        longer = (sides * size).amax(-1, keepdim=True).clamp_min(2)
        return torch.cat([center, self.crop_scale * longer / size], -1)

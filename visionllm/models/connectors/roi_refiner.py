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
from mmcv.cnn import ConvModule
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from visionllm.structures import ImageTokens, RoICrops, TextFeatures

from .roi_cropping import crop_boxes, crop_images


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
        boxes = crop_boxes(pixel_mask, tokens.boxes.detach(), self.crop_scale)
        crops = crop_images(images, pixel_mask, boxes, self.crop_size).flatten(0, 1)
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

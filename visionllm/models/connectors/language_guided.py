"""The language-guided image tokenizer (paper, section 3.2).

Text features enter each feature map by cross-attention; a Deformable DETR with M learned queries turns the guided maps
into M tokens with locations. Encoder, decoder and positional encoding are MMDetection's own except for the deformable
attention op, so a trained Deformable DETR's weights load without conversion (``TokenizerPretrained``).

Dimensions: B images, C channels, L levels, S pixels of all levels, M queries, H x W of a map, N text tokens, G objects
of an image, P contour points.
"""

import math

import torch
import torch.nn.functional as F
from mmdet.models.layers import (
    DeformableDetrTransformerDecoder,
    DeformableDetrTransformerEncoder,
    SinePositionalEncoding,
    inverse_sigmoid,
)
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps
from mmengine.model import BaseModule
from torch import Tensor, nn

from visionllm.structures import ImageTokens, LossTerm, TextFeatures
from visionllm.structures.contours import align_start, boxes_to_ellipses

from ..matching import hungarian_match
from .deformable_attention import DeformableAttention

CONTOUR_LOSS_WEIGHT = 5.0
Matches = list[tuple[Tensor, Tensor]]  # of each image: indices of tokens, and of the objects matched to them


class TextGuidance(nn.Module):
    """Cross-attention of one map's pixels to the text. The output layer is zero-initialized: it starts as identity."""

    def __init__(self, channels: int, text_width: int, num_heads: int):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.attention = nn.MultiheadAttention(channels, num_heads, kdim=text_width, vdim=text_width, batch_first=True)
        nn.init.zeros_(self.attention.out_proj.weight)
        nn.init.zeros_(self.attention.out_proj.bias)

    def forward(self, pixels: Tensor, text: TextFeatures) -> Tensor:
        """``float[B, H W, C]`` to the same; without text tokens nothing changes."""
        if text.features.shape[1] == 0:
            return pixels
        guided, _ = self.attention(self.norm(pixels), text.features, text.features, key_padding_mask=~text.mask,
                                   need_weights=False)
        return pixels + guided


class GridPooling(nn.Module):
    """In place of a decoder: token m is the average of the largest map over the m-th cell of a grid of M cells."""

    def forward(self, query: Tensor, query_pos: Tensor, value: Tensor, key_padding_mask: Tensor,
                reference_points: Tensor, reg_branches: nn.ModuleList | None, spatial_shapes: Tensor,
                level_start_index: Tensor, valid_ratios: Tensor) -> tuple[Tensor, Tensor]:
        """Arguments and result as of mmdet's decoder with one layer: states ``float[1, B, M, C]`` and reference points
        ``float[1, B, M, 2]``. Only ``value`` ``float[B, S, C]`` and its padding mask are used."""
        count = query.shape[1]
        rows = max(n for n in range(1, math.isqrt(count) + 1) if count % n == 0)
        height, width = spatial_shapes[0].tolist()
        pixels = value[:, :height * width].transpose(1, 2).unflatten(-1, (height, width))  # [B, C, H, W]
        real = ~key_padding_mask[:, None, :height * width].unflatten(-1, (height, width))
        average, share = (F.adaptive_avg_pool2d(each, (rows, count // rows)) for each in (pixels * real, real.float()))
        states = (average / share.clamp_min(1e-6)).flatten(2).transpose(1, 2)
        return states[None], reference_points[None]


@MODELS.register_module()
class LanguageGuidedTokenizer(BaseModule):
    """L feature maps and a text to M image tokens.

    Args:
        encoder: Arguments of mmdet's ``DeformableDetrTransformerEncoder``.
        decoder: Arguments of mmdet's ``DeformableDetrTransformerDecoder``; None for ``GridPooling`` without queries
            (the paper's baseline, table 4c).
        positional_encoding: Arguments of mmdet's ``SinePositionalEncoding``.
        text_width: Channels of the text features.
        num_queries: M.
        num_feature_levels: L.
        num_prototypes: Objectness is the log-sum-exp of that many logits, so that a detector's class branches load as
            they are, whatever its classes.
        with_box_refine: Refine the reference points layer by layer as in mmdet, which gives boxes. Without it (the
            paper's plain recipe) tokens have centers and their boxes' sides are zero.
        contour_points: Predict a contour of that many points as well (an addition to the paper); 0 for none.
    """

    def __init__(self, encoder: dict, decoder: dict | None, positional_encoding: dict, text_width: int,
                 num_queries: int = 100, num_feature_levels: int = 4, num_prototypes: int = 80,
                 with_box_refine: bool = True, contour_points: int = 0):
        super().__init__()
        self.encoder = DeformableDetrTransformerEncoder(**encoder)
        for layer in self.encoder.layers:
            layer.self_attn = DeformableAttention(**layer.self_attn_cfg)
        self.decoder = GridPooling()
        if decoder:
            self.decoder = DeformableDetrTransformerDecoder(**decoder)
            for layer in self.decoder.layers:
                layer.cross_attn = DeformableAttention(**layer.cross_attn_cfg)
        self.positional_encoding = SinePositionalEncoding(**positional_encoding)
        channels = self.embed_dims = self.encoder.embed_dims
        self.with_box_refine = with_box_refine
        self.level_embed = nn.Parameter(torch.randn(num_feature_levels, channels))
        self.query_embedding = nn.Embedding(num_queries, 2 * channels)
        self.reference_points_fc = nn.Linear(channels, 2)
        heads = encoder['layer_cfg']['self_attn_cfg'].get('num_heads', 8)
        self.guidance = nn.ModuleList(TextGuidance(channels, text_width, heads) for _ in range(num_feature_levels))
        layers = decoder['num_layers'] if decoder else 1
        self.objectness_branches = nn.ModuleList(nn.Linear(channels, num_prototypes) for _ in range(layers))
        self.reg_branches = nn.ModuleList(_box_branch(channels) for _ in range(layers))
        self.contour_branch = _contour_branch(channels, contour_points) if contour_points else None
        for branch in self.objectness_branches:
            nn.init.constant_(branch.bias, -2.0 - math.log(num_prototypes))

    def init_weights(self) -> None:
        """As mmdet initializes a Deformable DETR."""
        for coder in (self.encoder, self.decoder):
            for parameter in coder.parameters():
                if parameter.dim() > 1:
                    nn.init.xavier_uniform_(parameter)
        for module in self.modules():
            if isinstance(module, DeformableAttention):
                module.init_weights()
        nn.init.xavier_uniform_(self.reference_points_fc.weight)
        nn.init.zeros_(self.reference_points_fc.bias)

    def forward(self, features: list[Tensor], pixel_mask: Tensor, text: TextFeatures) -> list[ImageTokens]:
        """Tokens after each decoder layer; the last are the output, the others are for ``loss``.

        Args:
            features: L maps ``float[B, C, H, W]``.
            pixel_mask: ``bool[B, height, width]`` of the padded images, True = real pixel.
            text: Guiding text; ``N = 0`` for none.
        """
        masks = [F.interpolate(pixel_mask[None].float(), size=f.shape[-2:])[0].bool() for f in features]
        pixels, positions = [], []
        for level, (feature, mask) in enumerate(zip(features, masks)):
            pixels.append(self.guidance[level](feature.flatten(2).transpose(1, 2), text))  # [B, H W, C]
            position = self.positional_encoding(~mask)  # mmdet's masks are True where padded
            positions.append(position.flatten(2).transpose(1, 2) + self.level_embed[level])
        shapes = torch.tensor([f.shape[-2:] for f in features], device=pixel_mask.device)
        maps = dict(
            spatial_shapes=shapes,
            level_start_index=torch.cat([shapes.new_zeros(1), shapes.prod(1).cumsum(0)[:-1]]),
            valid_ratios=torch.stack([valid_ratio(m) for m in masks], 1))
        padding = ~torch.cat([m.flatten(1) for m in masks], 1)  # [B, S]
        memory = self.encoder(query=torch.cat(pixels, 1), query_pos=torch.cat(positions, 1),
                              key_padding_mask=padding, **maps)
        return self._decode(memory, padding, maps)

    def _decode(self, memory: Tensor, padding: Tensor, maps: dict) -> list[ImageTokens]:
        position, query = self.query_embedding.weight.expand(len(memory), -1, -1).split(self.embed_dims, dim=-1)
        start = self.reference_points_fc(position).sigmoid()  # [B, M, 2]
        states, references = self.decoder(
            query=query, query_pos=position, value=memory, key_padding_mask=padding, reference_points=start,
            reg_branches=self.reg_branches if self.with_box_refine else None, **maps)
        layers = []
        for level, state in enumerate(states):
            reference = references[level - 1] if self.with_box_refine and level > 0 else start
            boxes = self._boxes(level, state, reference)
            layers.append(ImageTokens(state, boxes, self.objectness_branches[level](state).logsumexp(-1)))
        if self.contour_branch is not None:
            layers[-1].contours = self._contours(state, boxes)
        return layers

    def _contours(self, state: Tensor, boxes: Tensor) -> Tensor:
        """Contours ``float[B, M, P, 2]``: the ellipse in the box plus predicted offsets in half sides of the box."""
        change = self.contour_branch(state).unflatten(-1, (-1, 2))
        return boxes_to_ellipses(boxes.detach(), change.shape[2]) + boxes[..., None, 2:].detach() / 2 * change

    def _boxes(self, level: int, state: Tensor, reference: Tensor) -> Tensor:
        change = self.reg_branches[level](state)  # [B, M, 4]
        reference = inverse_sigmoid(reference)
        padded = F.pad(reference, (0, change.shape[-1] - reference.shape[-1]))
        boxes = (change + padded).sigmoid()
        if self.with_box_refine:
            return boxes
        return torch.cat([boxes[..., :2], torch.zeros_like(boxes[..., 2:])], -1)

    def loss(self, layers: list[ImageTokens], gt_boxes: list[Tensor],
             gt_contours: list[Tensor]) -> tuple[dict[str, LossTerm], Matches]:
        """L_tok: category-agnostic focal loss and L1 on the center; with box refinement also L1 and GIoU on the size,
        and L1 on the contour where one is predicted.

        Args:
            layers: What ``forward`` returned.
            gt_boxes: ``float[G, 4]`` cxcywh in [0, 1] of all objects of each image.
            gt_contours: ``float[G, P, 2]`` in [0, 1] of them; P = 0 where unknown.

        Returns:
            The losses, and the matching of the last layer.
        """
        losses = {}
        for level, tokens in enumerate(layers):
            prefix = '' if level == len(layers) - 1 else f'd{level}.'
            matches = self._match(tokens, gt_boxes)
            for name, value in self._layer_loss(tokens, gt_boxes, matches).items():
                losses[f'{prefix}{name}'] = value
        return losses | self._contour_loss(tokens, gt_boxes, gt_contours, matches), matches

    def _contour_loss(self, tokens: ImageTokens, gt_boxes: list[Tensor], gt_contours: list[Tensor],
                      matches: Matches) -> dict[str, LossTerm]:
        """L1 on the contours of matched tokens, in half sides of the box, aligned at the best starting point."""
        if tokens.contours.shape[2] == 0 or not any(contours.shape[1] for contours in gt_contours):
            return {}
        distances = []
        for b, (chosen, objects) in enumerate(matches):
            contour, half = tokens.contours[b, chosen], gt_boxes[b][objects, None, 2:] / 2
            target = align_start(gt_contours[b][objects], contour.detach())
            distances.append(((contour - target) / half).abs().mean((1, 2)))
        distances = torch.cat(distances)
        return dict(loss_contour=LossTerm(CONTOUR_LOSS_WEIGHT * distances.sum(), len(distances)))

    def _match(self, tokens: ImageTokens, gt_boxes: list[Tensor]) -> Matches:
        """Category-agnostic bipartite matching."""
        return [
            hungarian_match(-tokens.objectness[b].sigmoid()[:, None].expand(-1, len(gt)), tokens.boxes[b], gt,
                            center_only=not self.with_box_refine) for b, gt in enumerate(gt_boxes)
        ]

    def _layer_loss(self, tokens: ImageTokens, gt_boxes: list[Tensor], matches: Matches) -> dict[str, LossTerm]:
        target = torch.zeros_like(tokens.objectness)
        predicted, targets = [], []
        for b, (chosen, objects) in enumerate(matches):
            target[b, chosen] = 1.0
            predicted.append(tokens.boxes[b, chosen])
            targets.append(gt_boxes[b][objects])
        predicted, targets = torch.cat(predicted), torch.cat(targets)
        count = len(targets)
        losses = dict(
            loss_objectness=LossTerm(2.0 * sigmoid_focal_loss(tokens.objectness, target).sum(), count),
            loss_center=LossTerm(5.0 * (predicted - targets)[:, :2].abs().sum(), count))
        if self.with_box_refine:
            giou = bbox_overlaps(bbox_cxcywh_to_xyxy(predicted), bbox_cxcywh_to_xyxy(targets), mode='giou',
                                 is_aligned=True)
            total = 5.0 * (predicted - targets)[:, 2:].abs().sum() + 2.0 * (1 - giou).sum()
            losses['loss_size'] = LossTerm(total, count)
        return losses


def sigmoid_focal_loss(logits: Tensor, target: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Focal loss ``float[...]`` of logits ``float[...]`` against 0/1 targets of the same shape (RetinaNet, eq. 5)."""
    probability = logits.sigmoid()
    right = probability * target + (1 - probability) * (1 - target)
    weight = alpha * target + (1 - alpha) * (1 - target)
    return weight * (1 - right)**gamma * F.binary_cross_entropy_with_logits(logits, target, reduction='none')


def _box_branch(channels: int) -> nn.Sequential:
    """Same layers and names as mmdet's ``reg_branches``, whose weights it loads."""
    layers = [nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, channels), nn.ReLU(),
              nn.Linear(channels, 4)]
    nn.init.zeros_(layers[-1].weight)
    nn.init.constant_(layers[-1].bias[2:], -2.0)
    nn.init.zeros_(layers[-1].bias[:2])
    return nn.Sequential(*layers)


def _contour_branch(channels: int, points: int) -> nn.Sequential:
    layers = [nn.Linear(channels, 2 * channels), nn.ReLU(), nn.Linear(2 * channels, 2 * channels), nn.ReLU(),
              nn.Linear(2 * channels, 2 * points)]
    nn.init.zeros_(layers[-1].weight)
    nn.init.zeros_(layers[-1].bias)
    return nn.Sequential(*layers)


def valid_ratio(mask: Tensor) -> Tensor:
    """Share of a padded map ``bool[B, H, W]`` that is real, ``float[B, 2]`` (width, height)."""
    return torch.stack([mask[:, 0].float().mean(1), mask[:, :, 0].float().mean(1)], -1)

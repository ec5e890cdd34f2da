"""The language-guided image tokenizer (paper, section 3.2).

Text features enter each scale of the picture by cross-attention; a Deformable DETR with M learned queries turns the
guided scales into M tokens with places. Encoder, decoder and positional encoding are MMDetection's own, but for who
reads the pixels, so a trained Deformable DETR's weights fit without conversion (``TokenizerPretrained``).

Letters: B pictures, C channels, L levels, S pixels of all levels, M queries.
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

from visionllm.structures import ImageTokens, Mean, TextFeatures
from visionllm.structures.rings import best_turn, ellipses

from ..matching import match
from .deformable_attention import DeformableAttention

RING_WEIGHT = 5.0
Pairs = list[tuple[Tensor, Tensor]]  # of each picture: tokens, and the object that each is paired with


class TextGuidance(nn.Module):
    """Cross-attention of one scale's pixels to the text. Starts as the identity: its output layer is zero."""

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


class GridAverage(nn.Module):
    """In place of a decoder: token m is the average of the finest scale over the m-th cell of a grid of M cells."""

    def forward(self, query: Tensor, query_pos: Tensor, value: Tensor, key_padding_mask: Tensor,
                reference_points: Tensor, reg_branches: nn.ModuleList | None, spatial_shapes: Tensor,
                level_start_index: Tensor, valid_ratios: Tensor) -> tuple[Tensor, Tensor]:
        """Arguments and result as of mmdet's decoder, of one layer; only the scales and their padding are read."""
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
    """Four scales and a text to M image tokens.

    Args:
        encoder: Of mmdet's ``DeformableDetrTransformerEncoder``.
        decoder: Of mmdet's ``DeformableDetrTransformerDecoder``; None for tokens that are averages over the cells of a
            grid, and no queries (what the paper compares with).
        positional_encoding: Of mmdet's ``SinePositionalEncoding``.
        text_width: Channels of the text features.
        num_queries: M.
        num_feature_levels: L.
        num_prototypes: A token is something if it is like one of that many learned prototypes. A trained detector's
            class branches fit as they are, without their names.
        with_box_refine: Refine the references layer by layer as in mmdet; then a place has an extent. Without it
            (the paper's plain recipe) a place is a centre, and the boxes' extents are zero.
        ring_points: Give tokens an outline of that many points, too (an addition; 0 for none).
    """

    def __init__(self, encoder: dict, decoder: dict | None, positional_encoding: dict, text_width: int,
                 num_queries: int = 100, num_feature_levels: int = 4, num_prototypes: int = 80,
                 with_box_refine: bool = True, ring_points: int = 0):
        super().__init__()
        self.encoder = DeformableDetrTransformerEncoder(**encoder)
        for layer in self.encoder.layers:
            layer.self_attn = DeformableAttention(**layer.self_attn_cfg)
        self.decoder = GridAverage()
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
        self.reg_branches = nn.ModuleList(_place_branch(channels) for _ in range(layers))
        self.ring_branch = _ring_branch(channels, ring_points) if ring_points else None
        for branch in self.objectness_branches:
            nn.init.constant_(branch.bias, -2.0 - math.log(num_prototypes))

    def init_weights(self) -> None:
        """As mmdet starts a Deformable DETR."""
        for coder in (self.encoder, self.decoder):
            for parameter in coder.parameters():
                if parameter.dim() > 1:
                    nn.init.xavier_uniform_(parameter)
        for module in self.modules():
            if isinstance(module, DeformableAttention):
                module.init_weights()
        nn.init.xavier_uniform_(self.reference_points_fc.weight)
        nn.init.zeros_(self.reference_points_fc.bias)

    def forward(self, features: list[Tensor], pad_mask: Tensor, text: TextFeatures) -> list[ImageTokens]:
        """Tokens after each decoder layer; the last are the answer, the others are for ``loss``.

        Args:
            features: L maps ``float[B, C, H, W]``.
            pad_mask: ``bool[B, height, width]`` of the padded pictures, True = real pixel.
            text: The guiding text; ``N = 0`` for none.
        """
        masks = [F.interpolate(pad_mask[None].float(), size=f.shape[-2:])[0].bool() for f in features]
        pixels, positions = [], []
        for level, (feature, mask) in enumerate(zip(features, masks)):
            pixels.append(self.guidance[level](feature.flatten(2).transpose(1, 2), text))  # [B, H W, C]
            position = self.positional_encoding(~mask)  # mmdet's masks are True where padded
            positions.append(position.flatten(2).transpose(1, 2) + self.level_embed[level])
        shapes = torch.tensor([f.shape[-2:] for f in features], device=pad_mask.device)
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
        if self.ring_branch is not None:
            layers[-1].rings = self._rings(state, boxes)
        return layers

    def _rings(self, state: Tensor, boxes: Tensor) -> Tensor:
        """Outlines ``float[B, M, P, 2]``: an ellipse in the box, and what the token knows better."""
        change = self.ring_branch(state).unflatten(-1, (-1, 2))
        return ellipses(boxes.detach(), change.shape[2]) + boxes[..., None, 2:].detach() / 2 * change

    def _boxes(self, level: int, state: Tensor, reference: Tensor) -> Tensor:
        change = self.reg_branches[level](state)  # [B, M, 4]
        reference = inverse_sigmoid(reference)
        padded = F.pad(reference, (0, change.shape[-1] - reference.shape[-1]))
        boxes = (change + padded).sigmoid()
        if self.with_box_refine:
            return boxes
        return torch.cat([boxes[..., :2], torch.zeros_like(boxes[..., 2:])], -1)

    def loss(self, layers: list[ImageTokens], gt_boxes: list[Tensor],
             gt_rings: list[Tensor]) -> tuple[dict[str, Mean], Pairs]:
        """L_tok: category-agnostic focal loss and L1 on the centre; on extent and outline too, where places have them.

        Args:
            layers: What ``forward`` returned.
            gt_boxes: ``float[G, 4]`` cxcywh in [0, 1], one a picture, of all objects.
            gt_rings: ``float[G, P, 2]`` in [0, 1], their outlines; P = 0 where they are not known.

        Returns:
            The losses, and the last layer's pairs.
        """
        losses = {}
        for level, tokens in enumerate(layers):
            prefix = '' if level == len(layers) - 1 else f'd{level}.'
            pairs = self._match(tokens, gt_boxes)
            for name, value in self._layer_loss(tokens, gt_boxes, pairs).items():
                losses[f'{prefix}{name}'] = value
        return losses | self._ring_loss(tokens, gt_boxes, gt_rings, pairs), pairs

    def _ring_loss(self, tokens: ImageTokens, gt_boxes: list[Tensor], gt_rings: list[Tensor],
                   pairs: Pairs) -> dict[str, Mean]:
        """L1 on the outlines of paired tokens, in units of half the box; a ring may start at any of its points."""
        if tokens.rings.shape[2] == 0 or not any(rings.shape[1] for rings in gt_rings):
            return {}
        distances = []
        for b, (chosen, objects) in enumerate(pairs):
            ring, half = tokens.rings[b, chosen], gt_boxes[b][objects, None, 2:] / 2
            distances.append(((ring - best_turn(gt_rings[b][objects], ring.detach())) / half).abs().mean((1, 2)))
        distances = torch.cat(distances)
        return dict(loss_ring=Mean(RING_WEIGHT * distances.sum(), len(distances)))

    def _match(self, tokens: ImageTokens, gt_boxes: list[Tensor]) -> Pairs:
        """Category-agnostic assignment of all objects to tokens, one pair of index lists a picture."""
        return [
            match(-tokens.objectness[b].sigmoid()[:, None].expand(-1, len(gt)), tokens.boxes[b], gt,
                  centre_only=not self.with_box_refine) for b, gt in enumerate(gt_boxes)
        ]

    def _layer_loss(self, tokens: ImageTokens, gt_boxes: list[Tensor], pairs: Pairs) -> dict[str, Mean]:
        target = torch.zeros_like(tokens.objectness)
        predicted, wanted = [], []
        for b, (chosen, objects) in enumerate(pairs):
            target[b, chosen] = 1.0
            predicted.append(tokens.boxes[b, chosen])
            wanted.append(gt_boxes[b][objects])
        predicted, wanted = torch.cat(predicted), torch.cat(wanted)
        count = len(wanted)
        losses = dict(
            loss_objectness=Mean(2.0 * sigmoid_focal_loss(tokens.objectness, target).sum(), count),
            loss_centre=Mean(5.0 * (predicted - wanted)[:, :2].abs().sum(), count))
        if self.with_box_refine:
            giou = bbox_overlaps(bbox_cxcywh_to_xyxy(predicted), bbox_cxcywh_to_xyxy(wanted), mode='giou',
                                 is_aligned=True)
            total = 5.0 * (predicted - wanted)[:, 2:].abs().sum() + 2.0 * (1 - giou).sum()
            losses['loss_extent'] = Mean(total, count)
        return losses


def sigmoid_focal_loss(logits: Tensor, target: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Focal loss of each logit against a 0/1 target (RetinaNet, equation 5)."""
    probability = logits.sigmoid()
    right = probability * target + (1 - probability) * (1 - target)
    weight = alpha * target + (1 - alpha) * (1 - target)
    return weight * (1 - right)**gamma * F.binary_cross_entropy_with_logits(logits, target, reduction='none')


def _place_branch(channels: int) -> nn.Sequential:
    """Same layers and names as mmdet's ``reg_branches``, whose weights it takes."""
    layers = [nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, channels), nn.ReLU(),
              nn.Linear(channels, 4)]
    nn.init.zeros_(layers[-1].weight)
    nn.init.constant_(layers[-1].bias[2:], -2.0)
    nn.init.zeros_(layers[-1].bias[:2])
    return nn.Sequential(*layers)


def _ring_branch(channels: int, points: int) -> nn.Sequential:
    layers = [nn.Linear(channels, 2 * channels), nn.ReLU(), nn.Linear(2 * channels, 2 * channels), nn.ReLU(),
              nn.Linear(2 * channels, 2 * points)]
    nn.init.zeros_(layers[-1].weight)
    nn.init.zeros_(layers[-1].bias)
    return nn.Sequential(*layers)


def valid_ratio(mask: Tensor) -> Tensor:
    """Share of a padded map that is real, ``float[B, 2]`` (width, height)."""
    return torch.stack([mask[:, 0].float().mean(1), mask[:, :, 0].float().mean(1)], -1)

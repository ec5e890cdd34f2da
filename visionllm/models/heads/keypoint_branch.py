"""Keypoints by name: how they are queried, and where they lie on the RoI crop of their object (an addition to the
paper).

Dimensions: B images, n tokens of each, N keypoints, E width of the language model, H x W of a crop's largest map.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from torch import Tensor, nn

from visionllm.language import OutputFormat
from visionllm.language.vocabulary import LOCATION_RANGE
from visionllm.structures import ImageTokens

from ..box_position_embedding import pixel_centers
from ..llms import CausalLM
from ..token_features import token_features
from .roi_features import RoIFeatureFusion, require_roi_crops

INITIAL_SPREAD = 0.25  # of a box's sides: standard deviation of a keypoint around the predicted location
NAME_EMBEDDING_STD = 0.13


@MODELS.register_module()
class KeypointBranch(nn.Module):
    """Soft-argmax heatmaps: a query made of the token and the keypoint's name against the pixels of the token's crop.

    The output layer is zero-initialized: an untrained branch predicts the center of the crop.

    Args:
        in_channels: Of the crops' feature maps, highest resolution first.
        channels: Of the tokens' features.
        llm_width: E, of a name's embedding.
        hidden: Channels of the query MLP.
        query_width: Channels of a query and of the pixels.
    """

    def __init__(self, in_channels: Sequence[int], channels: int, llm_width: int, hidden: int = 512,
                 query_width: int = 64):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.token_proj = nn.Linear(channels, hidden)
        self.name_proj = nn.Linear(llm_width, hidden)
        self.mix = nn.Linear(hidden, hidden)
        self.out_proj = nn.Linear(hidden, query_width)
        self.roi_features = RoIFeatureFusion(in_channels, query_width)
        nn.init.normal_(self.name_proj.weight, std=1 / math.sqrt(llm_width) / NAME_EMBEDDING_STD)
        nn.init.zeros_(self.out_proj.weight)
        nn.init.zeros_(self.out_proj.bias)
        self.log_spread = nn.Parameter(torch.tensor(INITIAL_SPREAD).log())
        self.location_scale = nn.Parameter(torch.tensor(0.0))  # of the language model's location logits

    def forward(self, tokens: ImageTokens, names: Tensor) -> Tensor:
        """Locations ``float[B, n, N, 2]`` in [0, 1] of keypoints with name embeddings ``float[N, E]``.

        Raises:
            ConfigError: The tokens have no RoI crops.
        """
        crops = require_roi_crops('keypoint_branch', tokens)
        hidden = F.gelu(self.token_proj(self.norm(token_features(tokens)))[..., None, :] + self.name_proj(names))
        queries = self.out_proj(F.gelu(self.mix(hidden)))  # [B, n, N, query_width]
        features = self.roi_features([each.flatten(0, 1) for each in crops.feature_maps])
        features = features.unflatten(0, queries.shape[:2])  # [B, n, query_width, H, W]
        heatmaps = (queries @ features.flatten(3)).softmax(-1).unflatten(-1, features.shape[-2:])  # [B, n, N, H, W]
        y, x = (pixel_centers(side, heatmaps) for side in heatmaps.shape[-2:])
        center, sides = crops.boxes[:, :, None].split(2, -1)
        return center + sides * torch.stack([heatmaps.sum(-2) @ x, heatmaps.sum(-1) @ y], -1)


def keypoint_offsets(tokens: ImageTokens, names: Tensor, branch: KeypointBranch | None) -> tuple[Tensor, Tensor]:
    """Expected keypoint locations and their uncertainty.

    Args:
        names: ``float[N, E]``.
        branch: The box's center is expected if None.

    Returns:
        Offsets ``float[B, n, N, 2]`` from the tokens' centers, and standard deviations in bins,
        ``float[B, n, 2 N, 1]``.
    """
    sides = tokens.boxes[:, :, None, 2:].detach().expand(-1, -1, len(names), -1)
    spread, offsets = INITIAL_SPREAD, torch.zeros_like(sides)
    if branch is not None:
        spread, offsets = branch.log_spread.exp(), branch(tokens, names) - tokens.centers[:, :, None].detach()
    return offsets, (spread * sides.flatten(-2) * LOCATION_RANGE).clamp_min(1)[..., None]


def coordinate_embeddings(llm: CausalLM, output_format: OutputFormat) -> Tensor:
    """Query embeddings of a format's coordinates, ``float[q, E]``: its format tokens plus the keypoints' names."""
    tokens = llm.new_token_embeddings(output_format.coordinate_tokens)
    if not output_format.has_point_names:
        return tokens
    return tokens + embed_point_names(llm, output_format).repeat_interleave(2, 0)


@torch.no_grad()
def embed_point_names(llm: CausalLM, output_format: OutputFormat) -> Tensor:
    """Embeddings ``float[N, E]`` of the names of a format's keypoints."""
    return llm.embed_names(list(output_format.point_names))

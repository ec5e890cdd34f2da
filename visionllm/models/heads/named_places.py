"""Points that have names: how they are asked for, and where they lie within an object as far as its image token can
tell (an addition to the paper)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from visionllm.language import OutputFormat
from visionllm.language.vocabulary import LOCATION_RANGE
from visionllm.structures import ImageTokens

from ..llms import CausalLM
from .token_features import token_features

SPREAD = 0.25  # of a box's sides: how far from its centre its points are looked for before anything is learned


class NamedPlaces(nn.Module):
    """From a token's features and a point's name to a place in the token's box. Starts as its centre: the output layer
    is zero.

    Args:
        channels: Of the tokens' features.
        width: Of a name's embedding.
        hidden: Channels between.
    """

    def __init__(self, channels: int, width: int, hidden: int = 512):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.token = nn.Linear(channels, hidden)
        self.name = nn.Linear(width, hidden)
        self.mix = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 2)
        nn.init.normal_(self.name.weight, std=1 / math.sqrt(width) / 0.13)  # embeddings of names are that small
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.log_spread = nn.Parameter(torch.tensor(SPREAD).log())
        self.reading_scale = nn.Parameter(torch.tensor(0.0))  # of what is read besides: opens as it helps

    def forward(self, features: Tensor, names: Tensor) -> Tensor:
        """Places ``float[..., N, 2]`` of points called ``float[N, width]``; -1 and 1 are the sides of the box.

        Args:
            features: ``float[..., channels]``.
        """
        asked = F.gelu(self.token(self.norm(features))[..., None, :] + self.name(names))
        return self.out(F.gelu(self.mix(asked)))


def named_offsets(tokens: ImageTokens, names: Tensor, places: NamedPlaces | None) -> tuple[Tensor, Tensor]:
    """Where points called ``float[N, E]`` lie, offsets ``float[B, n, N, 2]`` from the tokens' centres: in the centre
    itself where no places are learned; and how far around it they may be, in bins, ``float[B, n, 2 N, 1]``."""
    sides = tokens.boxes[:, :, None, 2:].detach().expand(-1, -1, len(names), -1)
    spread, offsets = SPREAD, torch.zeros_like(sides)
    if places is not None:
        spread, offsets = places.log_spread.exp(), sides / 2 * places(token_features(tokens), names)
    return offsets, (spread * sides.flatten(-2) * LOCATION_RANGE).clamp_min(1)[..., None]


def coordinate_rows(llm: CausalLM, output_format: OutputFormat) -> Tensor:
    """What asks for the coordinates of a format, ``float[q, E]``: its format tokens, and the names of its points."""
    rows = llm.rows(output_format.coordinate_tokens)
    return rows + embed_points(llm, output_format).repeat_interleave(2, 0) if output_format.is_named else rows


@torch.no_grad()
def embed_points(llm: CausalLM, output_format: OutputFormat) -> Tensor:
    """The names of a format's points as the language model knows them, ``float[N, E]``."""
    return llm.embed_names(list(output_format.point_names))

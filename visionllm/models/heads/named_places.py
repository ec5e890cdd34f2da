"""Points that have names: how they are asked for, and where they lie within an object as far as a close-up of it can
tell (an addition to the paper)."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from visionllm.language import OutputFormat
from visionllm.language.vocabulary import LOCATION_RANGE
from visionllm.structures import ImageTokens
from visionllm.structures.places import pixel_centres

from ..llms import CausalLM
from .close_up import CloseUp, close_ups_for
from .token_features import token_features

SPREAD = 0.25  # of a box's sides: how far from its centre its points are looked for before anything is learned


class NamedPlaces(nn.Module):
    """Find points by their names: what an image token is and what a point is called make a question, which the pixels
    of the token's close-up answer. Starts as the middle of it: the output layer is zero.

    Args:
        in_channels: Of the close-ups' maps, the finest first.
        channels: Of the tokens' features.
        width: Of a name's embedding.
        hidden: Channels between.
        look: Channels of a question, and of what answers it.
    """

    def __init__(self, in_channels: Sequence[int], channels: int, width: int, hidden: int = 512, look: int = 64):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.token = nn.Linear(channels, hidden)
        self.name = nn.Linear(width, hidden)
        self.mix = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, look)
        self.close_up = CloseUp(in_channels, look)
        nn.init.normal_(self.name.weight, std=1 / math.sqrt(width) / 0.13)  # embeddings of names are that small
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.log_spread = nn.Parameter(torch.tensor(SPREAD).log())
        self.reading_scale = nn.Parameter(torch.tensor(0.0))  # of what is read besides: opens as it helps

    def forward(self, tokens: ImageTokens, names: Tensor) -> Tensor:
        """Places ``float[B, n, N, 2]`` in [0, 1] of points called ``float[N, width]``.

        Raises:
            ValueError: The tokens have no close-ups.
        """
        close_ups = close_ups_for('named_places', tokens)
        asked = F.gelu(self.token(self.norm(token_features(tokens)))[..., None, :] + self.name(names))
        question = self.out(F.gelu(self.mix(asked)))  # [B, n, N, look]
        seen = self.close_up([each.flatten(0, 1) for each in close_ups.maps])
        seen = seen.unflatten(0, question.shape[:2])  # [B, n, look, H, W]
        likely = (question @ seen.flatten(3)).softmax(-1).unflatten(-1, seen.shape[-2:])  # [B, n, N, H, W]
        y, x = (pixel_centres(side, likely) for side in likely.shape[-2:])
        centre, sides = close_ups.frames[:, :, None].split(2, -1)
        return centre + sides * torch.stack([likely.sum(-2) @ x, likely.sum(-1) @ y], -1)


def named_offsets(tokens: ImageTokens, names: Tensor, places: NamedPlaces | None) -> tuple[Tensor, Tensor]:
    """Where points called ``float[N, E]`` lie, offsets ``float[B, n, N, 2]`` from the tokens' centres: in the centre
    itself where no places are learned; and how far around it they may be, in bins, ``float[B, n, 2 N, 1]``."""
    sides = tokens.boxes[:, :, None, 2:].detach().expand(-1, -1, len(names), -1)
    spread, offsets = SPREAD, torch.zeros_like(sides)
    if places is not None:
        spread, offsets = places.log_spread.exp(), places(tokens, names) - tokens.centres[:, :, None].detach()
    return offsets, (spread * sides.flatten(-2) * LOCATION_RANGE).clamp_min(1)[..., None]


def coordinate_rows(llm: CausalLM, output_format: OutputFormat) -> Tensor:
    """What asks for the coordinates of a format, ``float[q, E]``: its format tokens, and the names of its points."""
    rows = llm.rows(output_format.coordinate_tokens)
    return rows + embed_points(llm, output_format).repeat_interleave(2, 0) if output_format.is_named else rows


@torch.no_grad()
def embed_points(llm: CausalLM, output_format: OutputFormat) -> Tensor:
    """The names of a format's points as the language model knows them, ``float[N, E]``."""
    return llm.embed_names(list(output_format.point_names))

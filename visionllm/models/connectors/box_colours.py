"""Colours of what is in a box: the share of each basic colour term in the pixels of its middle, of its upper and of its
lower part.

Dimensions: B images, M boxes, S = ``CROP_SIZE``, P = 3 parts, H x W the padded input.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from visionllm.language.colour_terms import COLOURS

from .roi_cropping import crop_images_antialiased

CROP_SIZE = 24
BLACK_VALUE, WHITE_VALUE, BRIGHT_VALUE = 0.2, 0.72, 0.6
GRAY_SATURATION, PALE_SATURATION = 0.17, 0.45
HUES = ((0.03, 'red'), (0.11, 'orange'), (0.18, 'yellow'), (0.45, 'green'), (0.70, 'blue'), (0.83, 'purple'),
        (0.94, 'pink'), (1.0, 'red'))  # up to which hue, in [0, 1] of the circle


def box_colours(images: Tensor, pixel_mask: Tensor, boxes: Tensor) -> Tensor:
    """Shares ``float[B, M, P, 11]`` of the colours in boxes ``float[B, M, 4]`` (cxcywh in [0, 1]).

    Args:
        images: RGB, padded, ``uint8[B, 3, H, W]`` or ``float`` in [0, 1].
        pixel_mask: ``bool[B, H, W]``, True = real pixel.
    """
    crops = crop_images_antialiased(images, pixel_mask, boxes, CROP_SIZE)  # [B, M, 3, S, S]
    named = F.one_hot(name_colours(crops.movedim(2, -1)), len(COLOURS)).to(crops).flatten(2, 3)  # [B, M, S^2, 11]
    return part_weights().to(crops) @ named


def part_weights() -> Tensor:
    """How much each pixel of a crop counts for each part, ``float[P, S^2]``, summing to one: the middle of the box, and
    what is above and below it."""
    at = (torch.arange(CROP_SIZE) + 0.5) / CROP_SIZE
    across = ((at - 0.5).abs() < 0.3).float()
    middle = torch.outer(torch.exp(-((at - 0.5) / 0.35)**2), torch.exp(-((at - 0.5) / 0.3)**2))
    upper, lower = (torch.outer(((at > first) & (at < last)).float(), across)
                    for first, last in ((0.12, 0.5), (0.5, 0.95)))
    weights = torch.stack([middle, upper, lower]).flatten(1)
    return weights / weights.sum(1, keepdim=True)


def name_colours(pixels: Tensor) -> Tensor:
    """Index into ``COLOURS``, ``int[...]``, of RGB pixels ``float[..., 3]`` in [0, 1]."""
    hue, saturation, value = rgb_to_hsv(pixels)
    bounds = hue.new_tensor([bound for bound, _ in HUES[:-1]])
    of_hue = torch.tensor([COLOURS.index(name) for _, name in HUES], device=pixels.device)
    named = of_hue[torch.bucketize(hue, bounds)]
    red, orange = (named == COLOURS.index(name) for name in ('red', 'orange'))
    dark, pale, gray = value < BRIGHT_VALUE, saturation < PALE_SATURATION, saturation < GRAY_SATURATION
    for where, name in ((orange & (dark | pale) | red & dark & pale, 'brown'), (red & ~dark & pale, 'pink'),
                        (gray, 'gray'), (gray & (value >= WHITE_VALUE), 'white'), (value < BLACK_VALUE, 'black')):
        named = named.masked_fill(where, COLOURS.index(name))
    return named


def rgb_to_hsv(pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue, saturation and value, ``float[...]`` in [0, 1] each, of RGB pixels ``float[..., 3]`` in [0, 1]."""
    value, largest = pixels.max(-1)
    chroma = value - pixels.amin(-1)
    following, before = (pixels.roll(shift, -1).gather(-1, largest[..., None]).squeeze(-1) for shift in (-1, 1))
    hue = (2 * largest + (following - before) / chroma.clamp_min(1e-6)) / 6 % 1
    return hue, chroma / value.clamp_min(1e-6), value

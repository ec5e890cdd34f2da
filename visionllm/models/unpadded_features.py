"""Feature maps that do not depend on the padding of a batch: convolutions and group norms see the pixels of one image's
own size only.

Dimensions: B images, H x W the padded input.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .samples import Samples


def unpadded_features(extract: Callable[[Tensor], Sequence[Tensor]], images: Tensor, samples: Samples,
                      divisor: int) -> tuple[Tensor, ...]:
    """Feature maps of images of several sizes, as of each alone; zero beyond an image.

    Images of one size are processed together.

    Args:
        extract: From images ``float[b, 3, h, w]`` to maps ``float[b, C, h_l, w_l]`` whose strides are powers of two.
        images: ``float[B, 3, H, W]``, padded.
        samples: With ``img_shape``.
        divisor: Of which the sides of an image alone are padded to multiples.

    Returns:
        ``float[B, C, H_l, W_l]`` each.
    """
    groups = defaultdict(list)
    for index, sample in enumerate(samples):
        groups[tuple(-(-side // divisor) * divisor for side in sample.img_shape[:2])].append(index)
    sides = [max(sides) for sides in zip(*groups)]
    if len(groups) == 1 or sides != list(images.shape[-2:]):  # a batch that is padded further than to its largest
        return tuple(extract(images))
    found: list[tuple[Tensor, ...]] = [()] * len(images)
    for (height, width), members in groups.items():
        maps = extract(images[members, :, :height, :width])
        for row, index in enumerate(members):
            found[index] = tuple(each[row] for each in maps)
    return tuple(map(stack_padded, zip(*found)))


def stack_padded(maps: Sequence[Tensor]) -> Tensor:
    """Maps ``float[C, h_l, w_l]`` of different sizes as one ``float[B, C, H_l, W_l]``, with zeros beyond each."""
    rows, columns = (max(each.shape[axis] for each in maps) for axis in (1, 2))
    return torch.stack([F.pad(each, (0, columns - each.shape[2], 0, rows - each.shape[1])) for each in maps])

"""InternImage (Wang et al., CVPR 2023): convolutions that choose where to look, in the place of a transformer's
attention. The paper's larger backbone.

Parameters are named as in the authors' code, so that the published checkpoints fit. Pictures stand as
``float[B, H, W, C]`` within.
"""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from visionllm.ops import dcnv3

KERNEL = 3
LayerNorm = partial(nn.LayerNorm, eps=1e-6)


class ToChannelsLast(nn.Module):
    """``float[B, C, H, W]`` to ``float[B, H, W, C]``."""

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.permute(0, 2, 3, 1)


class ToChannelsFirst(nn.Module):
    """``float[B, H, W, C]`` to ``float[B, C, H, W]``."""

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.permute(0, 3, 1, 2)


class Stem(nn.Module):
    """``float[B, 3, H, W]`` to ``float[B, H / 4, W / 4, C]``."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(3, channels // 2, 3, stride=2, padding=1)
        self.norm1 = nn.Sequential(ToChannelsLast(), LayerNorm(channels // 2), ToChannelsFirst())
        self.conv2 = nn.Conv2d(channels // 2, channels, 3, stride=2, padding=1)
        self.norm2 = nn.Sequential(ToChannelsLast(), LayerNorm(channels))

    def forward(self, pictures: Tensor) -> Tensor:
        return self.norm2(self.conv2(F.gelu(self.norm1(self.conv1(pictures)))))


class Downsample(nn.Module):
    """``float[B, H, W, C]`` to ``float[B, H / 2, W / 2, 2 C]``."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1, bias=False)
        self.norm = nn.Sequential(ToChannelsLast(), LayerNorm(2 * channels))

    def forward(self, pixels: Tensor) -> Tensor:
        return self.norm(self.conv(pixels.permute(0, 3, 1, 2)))


class MLP(nn.Module):
    """Two layers, pixel by pixel."""

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(pixels)))


class DCNv3(nn.Module):
    """Deformable convolution whose offsets and weights each pixel says, from what is around it.

    Args:
        channels: C.
        groups: G, each with offsets and weights of its own.
        offset_scale: What offsets are multiplied by.
        dw_kernel_size: How far around a pixel is looked to say them.
        center_feature_scale: Mix the pixel itself into the result, by a share that each group says.
    """

    def __init__(self, channels: int, groups: int, offset_scale: float, dw_kernel_size: int,
                 center_feature_scale: bool):
        super().__init__()
        self.groups, self.offset_scale = groups, offset_scale
        self.dw_conv = nn.Sequential(
            nn.Conv2d(channels, channels, dw_kernel_size, padding=dw_kernel_size // 2, groups=channels),
            nn.Sequential(ToChannelsLast(), LayerNorm(channels)), nn.GELU())
        self.offset = nn.Linear(channels, groups * KERNEL**2 * 2)
        self.mask = nn.Linear(channels, groups * KERNEL**2)
        self.input_proj = nn.Linear(channels, channels)
        self.output_proj = nn.Linear(channels, channels)
        self.center_feature_scale = center_feature_scale
        if center_feature_scale:
            self.center_feature_scale_proj_weight = nn.Parameter(torch.zeros(groups, channels))
            self.center_feature_scale_proj_bias = nn.Parameter(torch.zeros(groups))

    def init_weights(self) -> None:
        """As an average over the kernel's own places."""
        for layer in (self.offset, self.mask):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        for layer in (self.input_proj, self.output_proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        value = self.input_proj(pixels)
        around = self.dw_conv(pixels.permute(0, 3, 1, 2))
        weights = self.mask(around).unflatten(-1, (self.groups, -1)).softmax(-1).flatten(-2)
        read = dcnv3(value, self.offset(around), weights, self.groups, KERNEL, offset_scale=self.offset_scale)
        if self.center_feature_scale:
            share = F.linear(around, self.center_feature_scale_proj_weight, self.center_feature_scale_proj_bias)
            share = share.sigmoid().repeat_interleave(value.shape[-1] // self.groups, -1)
            read = read.lerp(value, share)
        return self.output_proj(read)


class Layer(nn.Module):
    """A deformable convolution and an MLP, each with a normalisation before it, after it (``post_norm``) or both
    (``res_post_norm``)."""

    def __init__(self, channels: int, groups: int, mlp_ratio: float, drop_path: float, post_norm: bool,
                 layer_scale: float | None, offset_scale: float, dw_kernel_size: int, res_post_norm: bool,
                 center_feature_scale: bool):
        super().__init__()
        self.post_norm = post_norm
        self.norm1 = nn.Sequential(LayerNorm(channels))
        self.dcn = DCNv3(channels, groups, offset_scale, dw_kernel_size, center_feature_scale)
        self.norm2 = nn.Sequential(LayerNorm(channels))
        self.mlp = MLP(channels, int(channels * mlp_ratio))
        self.drop_path = DropPath(drop_path)
        self.gamma1 = self.gamma2 = 1.0
        if layer_scale is not None:
            self.gamma1 = nn.Parameter(torch.full((channels, ), layer_scale))
            self.gamma2 = nn.Parameter(torch.full((channels, ), layer_scale))
        self.res_post_norm1 = nn.Sequential(LayerNorm(channels)) if res_post_norm else nn.Identity()
        self.res_post_norm2 = nn.Sequential(LayerNorm(channels)) if res_post_norm else nn.Identity()

    def forward(self, pixels: Tensor) -> Tensor:
        pixels = pixels + self.drop_path(self.gamma1 * self._normed(self.dcn, self.norm1, self.res_post_norm1, pixels))
        return pixels + self.drop_path(self.gamma2 * self._normed(self.mlp, self.norm2, self.res_post_norm2, pixels))

    def _normed(self, part: nn.Module, norm: nn.Module, after: nn.Module, pixels: Tensor) -> Tensor:
        return norm(part(pixels)) if self.post_norm else after(part(norm(pixels)))


class Level(nn.Module):
    """Layers at one scale."""

    def __init__(self, layers: list[Layer], channels: int, norm: bool, post_norm_after: Sequence[int],
                 downsample: bool):
        super().__init__()
        self.blocks = nn.ModuleList(layers)
        self.norm = nn.Sequential(LayerNorm(channels)) if norm else nn.Identity()
        self.post_norm_after = tuple(post_norm_after)
        self.post_norms = nn.ModuleList(nn.Sequential(LayerNorm(channels)) for _ in post_norm_after)
        self.downsample = Downsample(channels) if downsample else nn.Identity()

    def forward(self, pixels: Tensor, with_cp: bool) -> Tensor:
        """``float[B, H, W, C]`` to the same; ``downsample`` is left to the caller, who wants both."""
        norms = dict(zip(self.post_norm_after, self.post_norms))
        for number, layer in enumerate(self.blocks):
            pixels = checkpoint(layer, pixels, use_reentrant=False) if with_cp else layer(pixels)
            pixels = norms[number](pixels) if number in norms else pixels
        return self.norm(pixels)


@MODELS.register_module()
class InternImage(BaseModule):
    """A backbone of four scales.

    Args:
        channels: Of the first scale; each further one has twice as many.
        depths: Layers of each scale.
        groups: Of each scale's deformable convolutions.
        mlp_ratio: Width of the MLPs, over the channels.
        drop_path_rate: Of the last layer; it grows from 0 (``uniform_drop_path``: of all layers).
        layer_scale: Start of a learned scale of each layer; None for none.
        offset_scale: What offsets are multiplied by.
        post_norm: Normalise after each part, not before it.
        dw_kernel_size: How far around a pixel is looked to say where it looks.
        res_post_norm: Normalise after each part, too.
        level2_post_norm: Normalise after the third scale's layers ``level2_post_norm_block_ids``, too.
        center_feature_scale: Mix each pixel itself into its deformable convolution.
        out_indices: Scales to give.
        with_cp: In training, compute layers again in the backward pass instead of keeping them.
        init_cfg: As in mmengine; ``dict(type='Pretrained', checkpoint=...)`` for published weights.
    """

    def __init__(self, channels: int = 64, depths: Sequence[int] = (4, 4, 18, 4),
                 groups: Sequence[int] = (4, 8, 16, 32), mlp_ratio: float = 4.0, drop_path_rate: float = 0.2,
                 uniform_drop_path: bool = False, layer_scale: float | None = None, offset_scale: float = 1.0,
                 post_norm: bool = False, dw_kernel_size: int = 3, res_post_norm: bool = False,
                 level2_post_norm: bool = False, level2_post_norm_block_ids: Sequence[int] = (),
                 center_feature_scale: bool = False, out_indices: Sequence[int] = (0, 1, 2, 3), with_cp: bool = False,
                 init_cfg: dict | None = None):
        super().__init__(init_cfg)
        self.out_indices, self.with_cp = tuple(out_indices), with_cp
        self.patch_embed = Stem(channels)
        rates = torch.linspace(drop_path_rate if uniform_drop_path else 0, drop_path_rate, sum(depths)).split(
            list(depths))
        self.levels = nn.ModuleList()
        for number, (of_level, group) in enumerate(zip(rates, groups)):
            width = channels * 2**number
            layers = [Layer(width, group, mlp_ratio, rate, post_norm, layer_scale, offset_scale, dw_kernel_size,
                            res_post_norm, center_feature_scale) for rate in of_level.tolist()]
            self.levels.append(Level(layers, width, norm=not post_norm or center_feature_scale,
                                     post_norm_after=level2_post_norm_block_ids if level2_post_norm and number == 2
                                     else (), downsample=number < len(depths) - 1))

    def init_weights(self) -> None:
        """Linear layers small, deformable convolutions as averages; then ``init_cfg``."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, DCNv3):
                module.init_weights()
        super().init_weights()

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """``float[B, 3, H, W]`` to ``float[B, C 2^i, H / 2^(i + 2), W / 2^(i + 2)]`` for each i of ``out_indices``."""
        pixels, scales = self.patch_embed(pictures), []
        for number, level in enumerate(self.levels):
            pixels = level(pixels, self.with_cp and self.training)
            if number in self.out_indices:
                scales.append(pixels.permute(0, 3, 1, 2).contiguous())
            pixels = level.downsample(pixels)
        return tuple(scales)

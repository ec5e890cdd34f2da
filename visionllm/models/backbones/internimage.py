"""InternImage (Wang et al., CVPR 2023), the paper's larger backbone, based on deformable convolutions v3.

Parameters have the names of the authors' code, so that the published checkpoints load. Feature maps are channels-last.

Dimensions: B images, H x W pixels, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from visionllm.errors import ConfigError
from visionllm.ops import dcnv3

KERNEL = 3
LayerNorm = partial(nn.LayerNorm, eps=1e-6)


@dataclass(frozen=True)
class Architecture:
    """Hyperparameters of an InternImage."""
    channels: int  # of the first stage; doubled by each further stage
    depths: Sequence[int]  # number of layers of each stage
    groups: Sequence[int]  # number of groups of each stage's deformable convolutions
    mlp_ratio: float = 4.0  # hidden width of the MLPs, relative to the channels
    layer_scale: float | None = None  # initial value of layer scale; None for no layer scale
    offset_scale: float = 1.0  # factor of the sampling offsets
    post_norm: bool = False  # normalize after convolution and MLP instead of before them
    dw_kernel_size: int = 3  # kernel of the depthwise convolution that predicts offsets and modulation
    res_post_norm: bool = False  # normalize after convolution and MLP in addition to before them
    level2_post_norm: bool = False  # normalize after some layers of the third stage in addition
    level2_post_norm_block_ids: Sequence[int] = ()  # indices of these layers
    center_feature_scale: bool = False  # blend each pixel's own feature into its deformable convolution


ARCHITECTURES = dict(
    t=Architecture(64, (4, 4, 18, 4), (4, 8, 16, 32), layer_scale=1.0),
    s=Architecture(80, (4, 4, 21, 4), (5, 10, 20, 40), layer_scale=1.0, post_norm=True),
    b=Architecture(112, (4, 4, 21, 4), (7, 14, 28, 56), layer_scale=1.0, post_norm=True),
    l=Architecture(160, (5, 5, 22, 5), (10, 20, 40, 80), layer_scale=1.0, offset_scale=2.0, post_norm=True),
    xl=Architecture(192, (5, 5, 24, 5), (12, 24, 48, 96), layer_scale=1.0, offset_scale=2.0, post_norm=True),
    h=Architecture(320, (6, 6, 32, 6), (10, 20, 40, 80), dw_kernel_size=5, res_post_norm=True, level2_post_norm=True,
                   level2_post_norm_block_ids=(5, 11, 17, 23, 29), center_feature_scale=True))


class ToChannelsLast(nn.Module):
    """Permutation of channels-first to channels-last."""

    def forward(self, pixels: Tensor) -> Tensor:
        """``float[B, C, H, W]`` to ``float[B, H, W, C]``."""
        return pixels.permute(0, 2, 3, 1)


class ToChannelsFirst(nn.Module):
    """Permutation of channels-last to channels-first."""

    def forward(self, pixels: Tensor) -> Tensor:
        """``float[B, H, W, C]`` to ``float[B, C, H, W]``."""
        return pixels.permute(0, 3, 1, 2)


class Stem(nn.Module):
    """Stem of two strided convolutions."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(3, channels // 2, 3, stride=2, padding=1)
        self.norm1 = nn.Sequential(ToChannelsLast(), LayerNorm(channels // 2), ToChannelsFirst())
        self.conv2 = nn.Conv2d(channels // 2, channels, 3, stride=2, padding=1)
        self.norm2 = nn.Sequential(ToChannelsLast(), LayerNorm(channels))

    def forward(self, images: Tensor) -> Tensor:
        """``float[B, 3, H, W]`` to ``float[B, H / 4, W / 4, C]``."""
        return self.norm2(self.conv2(F.gelu(self.norm1(self.conv1(images)))))


class Downsample(nn.Module):
    """Strided convolution between stages."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1, bias=False)
        self.norm = nn.Sequential(ToChannelsLast(), LayerNorm(2 * channels))

    def forward(self, pixels: Tensor) -> Tensor:
        """``float[B, H, W, C]`` to ``float[B, H / 2, W / 2, 2 C]``."""
        return self.norm(self.conv(pixels.permute(0, 3, 1, 2)))


class MLP(nn.Module):
    """MLP with one hidden layer, applied to each pixel."""

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, pixels: Tensor) -> Tensor:
        """``float[..., C]`` to the same."""
        return self.fc2(F.gelu(self.fc1(pixels)))


class DCNv3(nn.Module):
    """Deformable convolution v3 whose offsets and modulation weights are predicted by a depthwise convolution.

    Args:
        channels: C.
        groups: Number of groups, each with its own offsets and modulation weights.
        offset_scale: Factor of the offsets.
        dw_kernel_size: Kernel size of the depthwise convolution.
        center_feature_scale: Blend the projected input into the output, by a predicted weight per group.
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
        """Zero offsets and uniform modulation: an average over the regular kernel."""
        for layer in (self.offset, self.mask):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        for layer in (self.input_proj, self.output_proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        """``float[B, H, W, C]`` to the same."""
        value = self.input_proj(pixels)
        context = self.dw_conv(pixels.permute(0, 3, 1, 2))
        weights = self.mask(context).unflatten(-1, (self.groups, -1)).softmax(-1).flatten(-2)
        output = dcnv3(value, self.offset(context), weights, self.groups, KERNEL, offset_scale=self.offset_scale)
        if self.center_feature_scale:
            scale = F.linear(context, self.center_feature_scale_proj_weight, self.center_feature_scale_proj_bias)
            scale = scale.sigmoid().repeat_interleave(value.shape[-1] // self.groups, -1)
            output = output.lerp(value, scale)
        return self.output_proj(output)


class Layer(nn.Module):
    """Deformable convolution and MLP with residual connections.

    Each is normalized before (default), after (``post_norm``), or before and after (``res_post_norm``).

    Args:
        channels: C.
        groups: Of the deformable convolution.
        drop_path: Rate of stochastic depth.
        arch: The other hyperparameters.
    """

    def __init__(self, channels: int, groups: int, drop_path: float, arch: Architecture):
        super().__init__()
        self.post_norm = arch.post_norm
        self.norm1 = nn.Sequential(LayerNorm(channels))
        self.dcn = DCNv3(channels, groups, arch.offset_scale, arch.dw_kernel_size, arch.center_feature_scale)
        self.norm2 = nn.Sequential(LayerNorm(channels))
        self.mlp = MLP(channels, int(channels * arch.mlp_ratio))
        self.drop_path = DropPath(drop_path)
        self.gamma1 = self.gamma2 = 1.0
        if arch.layer_scale is not None:
            self.gamma1 = nn.Parameter(torch.full((channels, ), arch.layer_scale))
            self.gamma2 = nn.Parameter(torch.full((channels, ), arch.layer_scale))
        self.res_post_norm1 = nn.Sequential(LayerNorm(channels)) if arch.res_post_norm else nn.Identity()
        self.res_post_norm2 = nn.Sequential(LayerNorm(channels)) if arch.res_post_norm else nn.Identity()

    def forward(self, pixels: Tensor) -> Tensor:
        """``float[B, H, W, C]`` to the same."""
        residual = self._normalized(self.dcn, self.norm1, self.res_post_norm1, pixels)
        pixels = pixels + self.drop_path(self.gamma1 * residual)
        residual = self._normalized(self.mlp, self.norm2, self.res_post_norm2, pixels)
        return pixels + self.drop_path(self.gamma2 * residual)

    def _normalized(self, module: nn.Module, norm: nn.Module, res_post_norm: nn.Module, pixels: Tensor) -> Tensor:
        return norm(module(pixels)) if self.post_norm else res_post_norm(module(norm(pixels)))


class Level(nn.Module):
    """Layers of one stage, and the downsampling to the next.

    Args:
        number: Index of the stage.
        drop_path: Rate of stochastic depth of each layer.
        arch: The other hyperparameters.
    """

    def __init__(self, number: int, drop_path: list[float], arch: Architecture):
        super().__init__()
        channels = arch.channels * 2**number
        self.blocks = nn.ModuleList(Layer(channels, arch.groups[number], rate, arch) for rate in drop_path)
        has_norm = not arch.post_norm or arch.center_feature_scale
        self.norm = nn.Sequential(LayerNorm(channels)) if has_norm else nn.Identity()
        self.norm_after = tuple(arch.level2_post_norm_block_ids) if arch.level2_post_norm and number == 2 else ()
        self.post_norms = nn.ModuleList(nn.Sequential(LayerNorm(channels)) for _ in self.norm_after)
        self.downsample = Downsample(channels) if number < len(arch.depths) - 1 else nn.Identity()

    def forward(self, pixels: Tensor, with_cp: bool) -> Tensor:
        """``float[B, H, W, C]`` to the same, without downsampling, which the caller applies.

        Args:
            pixels: Feature map.
            with_cp: Use activation checkpointing.
        """
        for number, layer in enumerate(self.blocks):
            pixels = checkpoint(layer, pixels, use_reentrant=False) if with_cp else layer(pixels)
            if number in self.norm_after:
                pixels = self.post_norms[self.norm_after.index(number)](pixels)
        return self.norm(pixels)


@MODELS.register_module()
class InternImage(BaseModule):
    """Backbone of four stages.

    Args:
        arch: One of ``t``, ``s``, ``b``, ``l``, ``xl``, ``h``, or the arguments of an ``Architecture``.
        drop_path_rate: Rate of stochastic depth of the last layer; it grows linearly from 0 in the first.
        out_indices: Indices of the stages whose feature maps are returned.
        with_cp: Use activation checkpointing in training.
        init_cfg: ``dict(type='BackbonePretrained', checkpoint=...)`` for published weights.

    Raises:
        ConfigError: There is no architecture of that name.
    """

    def __init__(self, arch: str | dict, drop_path_rate: float = 0.0, out_indices: Sequence[int] = (0, 1, 2, 3),
                 with_cp: bool = False, init_cfg: dict | None = None):
        super().__init__(init_cfg)
        if isinstance(arch, str) and arch not in ARCHITECTURES:
            raise ConfigError(f'InternImage has no size {arch!r}; take one of {", ".join(ARCHITECTURES)}.')
        arch = ARCHITECTURES[arch] if isinstance(arch, str) else Architecture(**arch)
        self.out_indices, self.with_cp = tuple(out_indices), with_cp
        self.patch_embed = Stem(arch.channels)
        rates = np.linspace(0, drop_path_rate, sum(arch.depths))
        self.levels = nn.ModuleList(
            Level(number, level_rates.tolist(), arch)
            for number, level_rates in enumerate(np.split(rates, np.cumsum(arch.depths)[:-1])))

    def init_weights(self) -> None:
        """Initialize linear layers and deformable convolutions, then apply ``init_cfg``."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, DCNv3):
                module.init_weights()
        super().init_weights()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Images ``float[B, 3, H, W]`` to maps ``float[B, C 2^i, H / 2^(i + 2), W / 2^(i + 2)]`` of the stages i."""
        pixels, feature_maps = self.patch_embed(images), []
        for number, level in enumerate(self.levels):
            pixels = level(pixels, self.with_cp and self.training)
            if number in self.out_indices:
                feature_maps.append(pixels.permute(0, 3, 1, 2).contiguous())
            pixels = level.downsample(pixels)
        return tuple(feature_maps)

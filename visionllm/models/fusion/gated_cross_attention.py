"""Gated cross-attention to pictures before every n-th layer of a decoder (Flamingo, Alayrac et al., NeurIPS 2022).

    x = x + tanh(g) * attention(x, picture)
    x = x + tanh(g') * feed_forward(x)            both gates start at 0

A token attends to one picture, the last one before it; before the first picture it attends to none. The layers are
those of IDEFICS, whose feed-forward is gated (SwiGLU) and whose norms are RMSNorm; Flamingo's are not.

Dimensions: D documents, T tokens, N pictures of the document with most, L latents of a picture, C their channels, E
width of the decoder.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from transformers import IdeficsConfig
from transformers.models.idefics.modeling_idefics import IdeficsGatedCrossAttentionLayer

from visionllm.errors import ConfigError


class GatedCrossAttention(nn.Module):
    """The layers, and the way in which a decoder passes through them while pictures are bound to it.

    A decoder of transformers has no argument for pictures, so its layers get forward hooks for the time of ``bind``.

    Args:
        channels: C.
        width: E.
        num_layers: Layers of the decoder.
        every: A cross-attention layer is before the decoder's layers 0, n, 2n, ...
        num_heads: Heads of the cross-attention.
        hidden_width: Channels inside the feed-forward.
        initial_gate: g and g' before training; from 5 on they are open and stay so.
    """

    def __init__(self, channels: int, width: int, num_layers: int, every: int, num_heads: int, hidden_width: int,
                 initial_gate: float = 0.0):
        super().__init__()
        config = IdeficsConfig(hidden_size=width, num_attention_heads=num_heads, intermediate_size=hidden_width,
                               alpha_type='float', vision_config=dict(embed_dim=channels), attn_implementation='sdpa')
        self.num_layers = num_layers
        self.layers = nn.ModuleDict({str(index): IdeficsGatedCrossAttentionLayer(config, index)
                                     for index in range(0, num_layers, every)})
        for layer in self.layers.values():
            for gate in (layer.alpha_cross_attn, layer.alpha_dense):
                nn.init.constant_(gate, initial_gate)

    @contextmanager
    def bind(self, decoder: nn.Module, media: Tensor, text_time: Tensor) -> Iterator[None]:
        """Context in which a decoder's layers attend to pictures. Nothing of it is left behind an exception.

        Args:
            decoder: Has ``layers``.
            media: ``float[D, N, L, C]``, latents of the pictures of each document.
            text_time: ``int[D, T]``, how many pictures there are up to each token of the prompt. A decoder that
                continues it, with its cache, goes on with the last picture.

        Raises:
            ConfigError: The decoder has another number of layers.
        """
        if len(decoder.layers) != self.num_layers:
            raise ConfigError(f'The language model has {len(decoder.layers)} layers; set num_layers of the head to '
                              f'that, it is {self.num_layers}.')
        handles = [decoder.layers[int(index)].register_forward_pre_hook(_passing_through(layer, media, text_time),
                                                                        with_kwargs=True)
                   for index, layer in self.layers.items()]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def _passing_through(layer: nn.Module, media: Tensor, text_time: Tensor):
    """Hook that passes the input of a decoder's layer through a cross-attention layer first."""
    def hook(_module: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        if args:
            return (cross_attend(layer, args[0], media, text_time), *args[1:]), kwargs
        return args, {**kwargs, 'hidden_states': cross_attend(layer, kwargs['hidden_states'], media, text_time)}
    return hook


def cross_attend(layer: nn.Module, states: Tensor, media: Tensor, text_time: Tensor) -> Tensor:
    """The last tokens of each document through a gated cross-attention layer.

    Args:
        states: ``float[D * k, t, E]``: the last t <= T tokens, of k hypotheses of each document (beam search).
        media: ``float[D, N, L, C]``.
        text_time: ``int[D, T]``.

    Returns:
        The same shape and type.
    """
    hypotheses = len(states) // len(media)
    time = text_time[:, -states.shape[1]:]
    bias = media_bias(time, media.shape[1], media.shape[2])
    media, bias, time = (each.repeat_interleave(hypotheses, 0) for each in (media.flatten(1, 2), bias, time))
    return layer(states.float(), image_hidden_states=media, image_attention_mask=bias[:, None],
                 cross_attention_gate=time > 0).to(states.dtype)


def media_bias(text_time: Tensor, num_pictures: int, num_latents: int) -> Tensor:
    """Bias ``float[D, T, N * L]``: 0 where a token attends, very low elsewhere.

    Args:
        text_time: ``int[D, T]``; 0 before the first picture, where nothing is masked, and the result is dropped.
        num_pictures: N.
        num_latents: L.
    """
    media_time = torch.arange(1, num_pictures + 1, device=text_time.device)
    attended = (text_time[..., None] == media_time) | (text_time == 0)[..., None]
    bias = torch.zeros(attended.shape, device=text_time.device).masked_fill(~attended, torch.finfo(torch.float).min)
    return bias.repeat_interleave(num_latents, -1)

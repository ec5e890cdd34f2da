"""Which image tokens an expression refers to (an addition to the paper): of several dogs, "the leftmost dog".

Which words belong to an expression, ``VocabularyReader`` reads; which of the tokens with these words is meant depends
on where they lie, and on what lies beside them. A name, "dog" or "companion animal", means all of them.

Dimensions: B images, M image tokens, N tokens of the longest expression, K classes of the detector, E width of the
language model.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from mmdet.registry import MODELS
from torch import Tensor, nn

from visionllm.structures import ImageTokens, TextFeatures

from ..connectors.token_guidance import TokenGuidance
from ..llms import CausalLM
from ..prompt_cache import PromptCache

LOG_ODDS_SCALE = 0.25
MIN_SIDE = 0.005


@MODELS.register_module()
class ExpressionGuidance(nn.Module):
    """Log-odds of being meant by an expression, from the tokens' class scores and boxes, and from the expression as the
    base language model reads it. It starts at 0 for all tokens.

    Args:
        num_classes: K.
        llm_width: E.
        width: Channels of the decoder.
        num_layers, num_heads: Of the decoder (``TokenGuidance``).
    """

    def __init__(self, num_classes: int, llm_width: int, width: int = 192, num_layers: int = 3, num_heads: int = 8):
        super().__init__()
        self.token_proj = nn.Linear(num_classes + 4, width)
        self.decoder = TokenGuidance(width, llm_width, num_layers, num_heads)
        self.expression_or_name = nn.Sequential(nn.LayerNorm(llm_width), nn.Linear(llm_width, 1))
        self._cache = PromptCache()

    def forward(self, llm: CausalLM, expressions: Sequence[str], tokens: ImageTokens, scores: Tensor) -> Tensor:
        """Log-odds ``float[B, M]`` of the tokens of B images, for an expression each.

        Args:
            scores: ``float[B, M]``, log-odds of the class of the expression, as it was read.
        """
        return self.guide(self.encode(llm, expressions), tokens, scores)

    def are_expressions(self, llm: CausalLM, texts: Sequence[str]) -> list[bool]:
        """Which of B texts are expressions that mean one thing, and not names."""
        return (self.expression_logits(self.encode(llm, texts)) > 0).tolist()

    def encode(self, llm: CausalLM, texts: Sequence[str]) -> TextFeatures:
        """Features ``float[B, N, E]`` of B texts, left-padded; duplicates are encoded once, and remembered."""
        unique = tuple(dict.fromkeys(texts))
        encoded = self._cache.get_or_compute(unique, lambda: llm.encode_texts(unique))
        rows = torch.tensor([unique.index(text) for text in texts], device=encoded.mask.device)
        return TextFeatures(encoded.features[rows], encoded.mask[rows])

    def expression_logits(self, text: TextFeatures) -> Tensor:
        """Log-odds ``float[B]`` of B texts being expressions that mean one thing, and not names."""
        return self.expression_or_name(text.features[:, -1]).squeeze(-1)

    def guide(self, text: TextFeatures, tokens: ImageTokens, scores: Tensor) -> Tensor:
        """Log-odds ``float[B, M]`` of being meant by expressions; arguments as of ``forward``."""
        guided = self.decoder(replace(tokens, embeddings=self.token_proj(features(tokens, scores))), None, None, text)
        return guided.objectness - tokens.objectness


def features(tokens: ImageTokens, scores: Tensor) -> Tensor:
    """What is known of the tokens, ``float[B, M, K + 4]``: class scores, scores ``float[B, M]`` of what is looked for,
    and the logarithms of the box's area and of its aspect ratio in [0, 1] of the image."""
    log_width, log_height = tokens.boxes[..., 2:].clamp_min(MIN_SIDE).log().unbind(-1)
    numbers = torch.stack([scores.sigmoid(), LOG_ODDS_SCALE * scores, LOG_ODDS_SCALE * (log_width + log_height),
                           log_width - log_height], -1)
    return torch.cat([LOG_ODDS_SCALE * tokens.class_logits, numbers], -1)

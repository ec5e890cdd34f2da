"""Image tokens of a published detector as words: how likely each word of a vocabulary is at each token.

Dimensions: B images, M image tokens, V words: the K classes of the detector and the learned ones; E width of the
language model.
"""

import torch
from torch import Tensor, nn

from visionllm.errors import ConfigError
from visionllm.structures import ImageTokens

from ..llms import CausalLM
from ..similarity import EMBEDDING_STD
from ..token_features import token_features

UNUSED_LOGIT = -7.0  # of a learned word before it is trained


class TokenWords(nn.Module):
    """The detector's class names, with its own log-odds, and words whose embeddings are learned for what it has no
    name for. An MLP on a token's features changes the log-odds of all words; its output layer is zero-initialized, so
    before it is trained the words say what the detector says.

    Args:
        channels: Of the image tokens' features.
        llm_width: E.
        num_classes: K.
        learned_words: V - K.
    """

    def __init__(self, channels: int, llm_width: int, num_classes: int, learned_words: int):
        super().__init__()
        self.num_classes = num_classes
        self.mlp = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, 4 * channels), nn.GELU(),
                                 nn.Linear(4 * channels, num_classes + learned_words))
        nn.init.zeros_(self.mlp[-1].weight)
        nn.init.zeros_(self.mlp[-1].bias)
        self.learned = nn.Parameter(EMBEDDING_STD * torch.randn(learned_words, llm_width))
        self.unused_logits = nn.Parameter(torch.full((learned_words, ), UNUSED_LOGIT))

    def forward(self, tokens: ImageTokens) -> Tensor:
        """Log-odds ``float[B, M, V]`` of each word at each token.

        Raises:
            ConfigError: The tokens have no class logits, or of another number of classes.
        """
        found = 0 if tokens.class_logits is None else tokens.class_logits.shape[-1]
        if found != self.num_classes:
            raise ConfigError(f'The image tokens have scores for {found} classes, and class_reader.num_classes is '
                              f'{self.num_classes}: set it to the number of classes of the detector.')
        unused = self.unused_logits.expand(*tokens.boxes.shape[:2], -1)
        return torch.cat([tokens.class_logits, unused], -1) + self.mlp(token_features(tokens))

    def embed(self, llm: CausalLM, class_names: tuple[str, ...]) -> Tensor:
        """Embeddings ``float[V, E]`` of the words, the detector's class names first."""
        with torch.no_grad():
            names = llm.embed_names(list(class_names))
        return torch.cat([names, self.learned])

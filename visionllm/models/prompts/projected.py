"""Image tokens in the prompt through a projector (as in LLaVA): one position each.

Dimensions: B images, M image tokens, E width of the language model.
"""

from mmdet.registry import MODELS
from torch import Tensor, nn

from visionllm.language import Instruction
from visionllm.structures import ImageTokens, LossTerm, Target

from ..box_position_embedding import BOX_EMBEDDING_CHANNELS
from ..similarity import embedding_projector
from ..token_features import token_features


@MODELS.register_module()
class ProjectedPrompt(nn.Module):
    """A two-layer MLP from each image token and its box to an input embedding; trained by the text loss alone.

    Args:
        token_channels: Channels of the image tokens.
        llm_width: E.
    """

    def __init__(self, token_channels: int, llm_width: int):
        super().__init__()
        self.projector = embedding_projector(token_channels + BOX_EMBEDDING_CHANNELS, llm_width, llm_width)

    def forward(self, llm: nn.Module, instructions: list[Instruction], tokens: ImageTokens,
                targets: list[Target] | None = None) -> list[Tensor]:
        """Input embeddings ``float[M, E]`` of each image."""
        return list(self.projector(token_features(tokens)))

    def alignment_loss(self, llm: nn.Module, tokens: ImageTokens, targets: list[Target]) -> dict[str, LossTerm]:
        """No loss of its own."""
        return {}

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

PROJECTORS = dict(  # from channels to the width of the language model
    linear=nn.Linear,  # LLaVA 1
    mlp=lambda channels, width: nn.Sequential(nn.Linear(channels, width), nn.GELU(), nn.Linear(width, width)),  # 1.5
    normalized_mlp=lambda channels, width: embedding_projector(channels, width, width))


@MODELS.register_module()
class ProjectedPrompt(nn.Module):
    """A projector from each image token, and its box, to an input embedding; trained by the text loss alone.

    Args:
        token_channels: Channels of the image tokens.
        llm_width: E.
        projector: Name in ``PROJECTORS``: ``linear`` (LLaVA 1), ``mlp`` (LLaVA 1.5), or ``normalized_mlp``, whose
            inputs are normalized and whose outputs start with the scale of input embeddings.
        with_boxes: Give the projector the box of each token as well.
    """

    def __init__(self, token_channels: int, llm_width: int, projector: str = 'normalized_mlp',
                 with_boxes: bool = True):
        super().__init__()
        self.with_boxes = with_boxes
        self.projector = PROJECTORS[projector](token_channels + BOX_EMBEDDING_CHANNELS * with_boxes, llm_width)

    def forward(self, llm: nn.Module, instructions: list[Instruction], tokens: ImageTokens,
                targets: list[Target] | None = None) -> list[Tensor]:
        """Input embeddings ``float[M, E]`` of each image."""
        return list(self.projector(token_features(tokens) if self.with_boxes else tokens.embeddings))

    def alignment_loss(self, llm: nn.Module, tokens: ImageTokens, targets: list[Target]) -> dict[str, LossTerm]:
        """No loss of its own."""
        return {}

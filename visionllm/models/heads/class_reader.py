"""Classification by reading the instruction's class map with the language model (paper, section 3.3).

An image token stands where a class name would stand in the map: the text before it ends in an opening quote, ``<cls>``
is initialized as the closing quote and colon of the map, and what follows in the map is the class token. A language
model that can look up a name in a map can therefore classify image tokens.

Dimensions: B images, M image tokens, K named classes, E width of the language model, q coordinates.
"""

import torch
from mmdet.registry import MODELS
from torch import Tensor, nn

from visionllm.language import Instruction

from ..llms import CausalLM
from ..similarity import embedding_projector
from .class_pass import ClassPassOutput, run_class_pass


@MODELS.register_module()
class ClassMapReader(nn.Module):
    """Image tokens into the language model's embedding space, class logits out of it.

    Args:
        channels: Of the image tokens' features.
        llm_width: E.
        opening: Text between the image and the tuples; shared by all tuples.
        initial_scale: Of the class logits (``scale`` is learned); small where other logits are added to them.
        image_context: Let every tuple attend to all image tokens besides its own, as in the paper; without it an image
            costs M tokens less.
    """

    def __init__(self, channels: int, llm_width: int, opening: str = '\n{"', initial_scale: float = 0.3,
                 image_context: bool = True):
        super().__init__()
        self.opening, self.image_context = opening, image_context
        self.token_projector = embedding_projector(channels, llm_width, llm_width)
        self.scale = nn.Parameter(torch.tensor(initial_scale))

    def embed(self, features: Tensor) -> Tensor:
        """Input embeddings ``float[B, M, E]`` of image tokens ``float[B, M, channels]``."""
        return self.token_projector(features)

    def forward(self, llm: CausalLM, instructions: list[Instruction], embeddings: Tensor,
                queries: Tensor) -> tuple[Tensor, ClassPassOutput]:
        """Unscaled class logits.

        Args:
            embeddings: ``float[B, M, E]`` of image tokens, or of anything else that is to be looked up.
            queries: ``float[B, M, 1 + q, E]``: the class query, and coordinate queries of the same pass.

        Returns:
            Logits ``float[B, M, K + 1]``, the last of ``<none>``, K of the longest class set; and the pass' output.
        """
        context = embeddings[:, :embeddings.shape[1] if self.image_context else 0]
        blocks = torch.cat([embeddings[:, :, None], queries], 2)
        states, output = run_class_pass(llm, instructions, self.opening, context, blocks)
        classes = llm.class_embeddings([instruction.class_tokens for instruction in instructions])
        return states @ classes.mT, output

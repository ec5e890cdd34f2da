"""Classification by reading the instruction's class map with the language model (paper, section 3.3).

An image token stands where a class name would stand in the map: the text before it ends in an opening quote, ``<cls>``
is initialized as the closing quote and colon of the map, and what follows in the map is the class token. A language
model that can look up a name in a map can therefore classify image tokens.

Dimensions: B images, M image tokens, K named classes, E width of the language model, q coordinates.
"""

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from torch import Tensor, nn

from visionllm.language import Instruction
from visionllm.structures import ImageTokens

from ..llms import CausalLM
from ..similarity import embedding_projector
from ..token_features import token_features
from .class_pass import ClassPassOutput, run_class_pass
from .ignore_unverified import IGNORED_LOGIT
from .query_embedding import QueryEmbedding


class ClassMapLookup(nn.Module):
    """Look embeddings up in the class maps of instructions.

    Args:
        opening: Text between the image and what is looked up; shared by all of it.
        initial_scale: Of the class logits (``scale`` is learned).
        image_context: Let all embeddings of an image precede each of them, as in the paper; without it an image costs
            M tokens less.
    """

    def __init__(self, opening: str, initial_scale: float, image_context: bool):
        super().__init__()
        self.opening, self.image_context = opening, image_context
        self.scale = nn.Parameter(torch.tensor(initial_scale))

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


@MODELS.register_module()
class ClassMapReader(ClassMapLookup):
    """Image tokens into the language model's embedding space, class logits out of it.

    Args:
        channels: Of the image tokens' features.
        llm_width: E.
        opening, initial_scale, image_context: As of ``ClassMapLookup``; a small scale where other logits are added.
    """

    reads_tokens = True
    min_match_iou = 0.0  # boxes are trained, so tuples are matched to objects however far they are

    def __init__(self, channels: int, llm_width: int, opening: str = '\n{"', initial_scale: float = 0.3,
                 image_context: bool = True):
        super().__init__(opening, initial_scale, image_context)
        self.token_projector = embedding_projector(channels, llm_width, llm_width)

    def embed(self, features: Tensor) -> Tensor:
        """Input embeddings ``float[B, M, E]`` of image tokens ``float[B, M, channels]``."""
        return self.token_projector(features)

    def classify(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens,
                 query_embedding: QueryEmbedding, queries: Tensor) -> tuple[Tensor, ClassPassOutput]:
        """Class logits ``float[B, M, K + 1]`` of image tokens, the last of ``<none>``, and the pass' output.

        Args:
            queries: ``float[1 + q, E]``: the class query, and coordinate queries of the same pass.
        """
        features = token_features(tokens)
        embeddings = self.embed(features)
        logits, output = self(llm, instructions, embeddings, query_embedding(features, queries))
        output.embeddings = embeddings
        return self.scale * logits, output

    @staticmethod
    def scores(logits: Tensor) -> Tensor:
        """Probabilities ``float[..., K]`` of logits ``float[..., K + 1]``: a token has one class, or none."""
        return logits.softmax(-1)[..., :-1]

    @staticmethod
    def token_loss(logits: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy ``float[n]`` of logits ``float[n, K + 1]`` and classes ``int[n]``."""
        return F.cross_entropy(logits, target, reduction='none')


def mask_padding(logits: Tensor, instructions: list[Instruction]) -> Tensor:
    """Logits ``float[B, M, K + 1]`` without the classes beyond an instruction's own."""
    counts = torch.tensor([[len(instruction.class_names)] for instruction in instructions], device=logits.device)
    padding = torch.arange(logits.shape[-1] - 1, device=logits.device) >= counts  # [B, K]
    return logits.masked_fill(F.pad(padding, (0, 1))[:, None], IGNORED_LOGIT)

"""Coordinates one after the other, as language models generate: the baseline of "output format as query"."""

import torch
from mmdet.registry import MODELS
from torch import Tensor

from visionllm.language import OutputFormat
from visionllm.language.quantizer import expected_bin
from visionllm.language.vocabulary import NUM_LOCATION_TOKENS
from visionllm.structures import ImageTokens

from ..fusion import next_coordinate_layout
from ..llms import CausalLM
from ..token_features import token_features
from .class_pass import ClassPassOutput
from .coordinates import ParallelCoordinates
from .keypoint_branch import coordinate_embeddings
from .query_embedding import QueryEmbedding


@MODELS.register_module()
class AutoregressiveCoordinates(ParallelCoordinates):
    """Each coordinate is conditioned on the prediction of the one before, in training as well (no teacher forcing).

    Dimensions: B images, n selected tuples, q coordinates.
    """

    def fit_in_class_pass(self, output_format: OutputFormat, tokens: ImageTokens) -> bool:
        """Never: a coordinate waits for the one before."""
        return False

    def forward(self, llm: CausalLM, query_embedding: QueryEmbedding, output_format: OutputFormat,
                class_pass: ClassPassOutput, selected: Tensor) -> tuple[Tensor, Tensor | None]:
        """As in ``ParallelCoordinates``, in q passes: ``int[B, n]`` to ``float[B, n, q, 1025]``, and masks' scores."""
        tokens = class_pass.tokens.gather(selected)
        queries = query_embedding(token_features(tokens), coordinate_embeddings(llm, output_format))  # [B, n, q, E]
        prior, mask_scores = self.prior(llm, tokens, output_format)
        prior = prior.expand(*queries.shape[:3], NUM_LOCATION_TOKENS)
        prefix, logits = class_pass.prefix, []
        for step in range(queries.shape[2]):
            query = queries[:, :, step]
            if step:
                query = query + llm.location_embeddings()[expected_bin(logits[-1]).round().long()]
            layout = next_coordinate_layout(class_pass.shared_mask, selected, step, class_pass.prefix.length)
            states, prefix = llm(query, prefix, *layout)
            logits.append(self.location_logits(llm, states, output_format) + prior[:, :, step])
        return torch.stack(logits, 2), mask_scores

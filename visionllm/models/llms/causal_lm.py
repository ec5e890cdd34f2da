"""The language model: a frozen Hugging Face causal LM with LoRA and trainable embeddings of the added tokens.

The added tokens have an embedding table of their own, instead of a resized one of the base model: the base stays frozen
and in its own precision, the new rows are float32, and no forward pass copies the whole vocabulary, as peft's
``trainable_token_indices`` does. Masks: True = real token.

Dimensions: B sequences, T tokens, S tokens of the prefix, K names or tokens, E width of the model, V size of the base
vocabulary.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, partial
from itertools import chain

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel

from visionllm.assets import hub_id
from visionllm.errors import ConfigError
from visionllm.language.vocabulary import (
    CLASS_TOKENS,
    NEW_TOKENS,
    NUM_LOCATION_TOKENS,
    extend_tokenizer,
)
from visionllm.ops.block_attention import Blocks
from visionllm.structures import TextFeatures

from ..disk_cache import tensors_digest
from ..dtypes import find_dtype
from ..freezing import exclude_frozen_parameters
from ..initialization import initial_weights_matter
from ..prompt_cache import PromptCache
from .adapter import load_adapter
from .gradient_checkpointing import checkpoint_layers, recompute_gated_mlps
from .initial_rows import initial_rows
from .loading import load_causal_lm
from .lora import TEXT, TUPLES, activate, adapter_active, adapters_disabled, lora_parameters, upcast_adapters
from .padding import causal_mask, left_pad
from .prefix import CACHE_ARGUMENT, Prefix


@MODELS.register_module()
class CausalLM(BaseModule):
    """A frozen causal LM with LoRA on its attention projections and trainable embeddings of the added tokens.

    Args:
        source: Hub id, folder, GGUF file, or ``wheel:NAME`` (``visionllm.assets``).
        lora_rank: Rank of LoRA; 0 for none.
        lora_alpha: The scale of LoRA is ``lora_alpha / lora_rank``.
        text_lora: A second LoRA for answers in text, so that neither way of answering is unlearned with the other.
        dtype: Of the frozen weights; ``auto`` is bfloat16 where the hardware supports it natively, else float32.
        gradient_checkpointing: Store only the inputs of each layer, and recompute the rest in the backward pass.
        random_config: Changes to the source's config; the weights are random then (tests). None loads the weights.
        adapter: Folder with LoRA weights and embeddings (``adapter.save_adapter``); None initializes them.
        trained: Train the whole model (LLaVA's second stage): checkpoints hold it then.
    """

    def __init__(self, source: str, lora_rank: int = 64, lora_alpha: int = 128, text_lora: bool = False,
                 dtype: str = 'auto', gradient_checkpointing: bool = False, random_config: dict | None = None,
                 adapter: str | None = None, trained: bool = False):
        super().__init__()
        if text_lora and gradient_checkpointing:
            raise ConfigError('With gradient_checkpointing the layers run again in the backward pass, when it is not '
                              'known any more which LoRA was used: leave text_lora or gradient_checkpointing out.')
        model, tokenizer = load_causal_lm(source, find_dtype(dtype), random_config)
        self.has_random_weights = random_config is not None
        model.requires_grad_(trained)
        self.vocabulary = extend_tokenizer(tokenizer, model.get_input_embeddings().num_embeddings)
        self.width = model.config.hidden_size
        self.decoder = model.model
        self._causal_lm = (model, )  # in a tuple, so that its parts have one name each
        self.output = model.get_output_embeddings()  # of the base vocabulary; may be tied to the input embeddings
        self.new_rows = nn.Embedding(len(NEW_TOKENS), self.width)  # input and output embeddings of the added tokens
        if adapter is None and initial_weights_matter():
            self.new_rows.weight.data.copy_(initial_rows(self.decoder.embed_tokens.weight, self.vocabulary))
        self.text_lora = text_lora
        self.lora = LoraConfig(r=lora_rank, lora_alpha=lora_alpha, task_type='CAUSAL_LM',
                               target_modules=['q_proj', 'k_proj', 'v_proj', 'o_proj'],
                               base_model_name_or_path=hub_id(source))
        if lora_rank > 0:
            with torch.random.fork_rng(devices=[]):  # the same initial adapters in every run and config
                torch.manual_seed(0)
                for name in (TUPLES, TEXT)[:1 + text_lora]:
                    inject_adapter_in_model(self.lora, self.decoder, adapter_name=name)
            activate(self.decoder, TUPLES)
            upcast_adapters(self.decoder)
        recompute_gated_mlps(self.decoder)
        if gradient_checkpointing:
            checkpoint_layers(self.decoder)
        exclude_frozen_parameters(self)
        if adapter is not None:
            load_adapter(self, adapter)
        self._prefix_cache = PromptCache()

    @property
    def causal_lm(self) -> PreTrainedModel:
        """The model as transformers knows it, of the same decoder and output."""
        return self._causal_lm[0]

    @cached_property
    def base_digest(self) -> str:
        """Identifies the base model, which never changes, without LoRA."""
        return tensors_digest((name, parameter) for name, parameter in self.causal_lm.named_parameters()
                              if '.lora_' not in name)

    def adapter_parameters(self) -> dict[str, nn.Parameter]:
        """What is trained for answers in tuples, by name: LoRA and the embeddings of the added tokens."""
        return lora_parameters(self, TUPLES) | {'new_rows.weight': self.new_rows.weight}

    def text_parameters(self) -> dict[str, nn.Parameter]:
        """What is trained for answers in text, by name: LoRA."""
        return lora_parameters(self, TEXT if self.text_lora else TUPLES)

    def answering_in_text(self) -> AbstractContextManager:
        """Context in which the LoRA for answers in text is active."""
        return adapter_active(self.decoder, TEXT) if self.text_lora else nullcontext()

    def merge(self) -> 'CausalLM':
        """Merge LoRA into the frozen weights, in place, for inference. Do not train or load weights afterwards.

        Raises:
            ConfigError: The frozen weights are not float32; lower precisions would round LoRA.
        """
        dtype = self.output.weight.dtype
        if dtype != torch.float32:
            raise ConfigError(f'LoRA cannot be merged into weights in {dtype}, which would round it: build CausalLM '
                              'with dtype=\'float32\', or run inference unmerged.')
        for layer in self.decoder.modules():
            if isinstance(layer, BaseTunerLayer):
                layer.merge(safe_merge=True)
        return self.eval()  # clears the prefix cache

    def embed(self, ids: Tensor) -> Tensor:
        """Input embeddings ``float[..., E]`` of token ids ``int[...]``, added tokens included."""
        size = self.vocabulary.base_size
        new = self.new_rows((ids - size).clamp_min(0))
        base = F.embedding(ids.clamp_max(size - 1), self.decoder.embed_tokens.weight).to(new.dtype)
        return torch.where((ids >= size)[..., None], new, base)

    def embed_text(self, text: str, start: bool = False) -> Tensor:
        """Input embeddings ``float[1, T, E]`` of a text; with ``start`` of the tokens before every text as well."""
        ids = self.vocabulary.start * start + self.vocabulary.encode(text)
        return self.embed(torch.tensor([ids], dtype=torch.long, device=self.new_rows.weight.device))

    def embed_names(self, names: list[str]) -> Tensor:
        """Mean of the token embeddings of each of K names: ``float[K, E]``."""
        ids = [self.vocabulary.encode(name) for name in names]
        flat = torch.tensor(list(chain.from_iterable(ids)), dtype=torch.long, device=self.new_rows.weight.device)
        embeddings = self.embed(flat).split([len(i) for i in ids])
        return torch.stack([tokens.mean(0) for tokens in embeddings])

    def new_token_embeddings(self, tokens: list[str]) -> Tensor:
        """Embeddings ``float[K, E]`` of K added tokens."""
        index = [self.vocabulary.new_index(token) for token in tokens]
        return self.new_rows.weight[index]

    def location_embeddings(self) -> Tensor:
        """Embeddings ``float[1025, E]`` of the location tokens."""
        return self.new_rows.weight[:NUM_LOCATION_TOKENS]

    def class_embeddings(self, class_tokens: Sequence[tuple[int, ...]]) -> Tensor:
        """Embeddings of the class tokens of B instructions, followed by that of ``<none>``.

        Args:
            class_tokens: The k of the tokens ``<ck>`` of each instruction.

        Returns:
            ``float[B, K + 1, E]`` for at most K classes; shorter instructions are filled up with ``<none>``.
        """
        none, count = self.vocabulary.new_index('<none>'), max(map(len, class_tokens)) + 1
        index = [[self.vocabulary.new_index(CLASS_TOKENS[k]) for k in tokens] + [none] * (count - len(tokens))
                 for tokens in class_tokens]
        return self.new_rows.weight[torch.tensor(index, device=self.new_rows.weight.device)]

    def lm_logits(self, states: Tensor) -> Tensor:
        """Logits ``float[..., V]`` over the base vocabulary, of hidden states ``float[..., E]``."""
        return self.output(states.to(self.output.weight.dtype)).float()

    def next_token_log_probs(self, texts: Sequence[str]) -> Tensor:
        """Log-probabilities ``float[B, V]`` of the token behind each of B texts, by the base model without LoRA."""
        return self.lm_logits(self.encode_texts(texts).features[:, -1]).log_softmax(-1)

    @torch.no_grad()
    def encode_texts(self, texts: Sequence[str]) -> TextFeatures:
        """Hidden states ``float[B, T, E]`` of B texts, left-padded, of the base model without LoRA."""
        embeddings, mask, positions = left_pad([self.embed_text(text)[0] for text in texts])
        with adapters_disabled(self.decoder):
            states, _ = self(embeddings, attention=causal_mask(mask), positions=positions)
        return TextFeatures(states, mask)

    def encode_prefix(self, texts: Sequence[str]) -> tuple[Prefix, Tensor]:
        """Encode B texts as a prefix.

        Duplicate texts are encoded once. Without gradients the result is cached until the weights change.

        Returns:
            The left-padded prefix, and its mask ``bool[B, S]``.
        """
        unique = tuple(dict.fromkeys(texts))
        encode = partial(self._encode_prefix, unique)
        prefix, mask = encode() if torch.is_grad_enabled() else self._prefix_cache.get_or_compute(unique, encode)
        if len(unique) == len(texts):
            return prefix, mask
        if len(unique) == 1:
            return prefix.expand(len(texts)), mask.expand(len(texts), -1)
        rows = torch.tensor([unique.index(text) for text in texts], device=mask.device)
        return prefix.select(rows), mask[rows]

    def start_prefix(self, texts: Sequence[str], embed_new: bool) -> tuple[Prefix | None, Tensor, Tensor]:
        """Encode B texts as a prefix, or embed them for a single forward pass together with their continuation.

        Args:
            texts: The texts.
            embed_new: Embed texts that are neither cached nor contain duplicates, instead of encoding them.

        Returns:
            The prefix, or None for embedded texts; the mask ``bool[B, S]``; and the embeddings ``float[B, S, E]``, or
            ``float[B, 0, E]`` for encoded texts.
        """
        if not embed_new or len(set(texts)) < len(texts) or self._prefix_cache.contains(tuple(texts)):
            return *self.encode_prefix(texts), self.new_rows.weight.new_zeros(len(texts), 0, self.width)
        embeddings, mask, _ = left_pad([self.embed_text(text)[0] for text in texts])
        return None, mask, embeddings

    def cache_prefix(self, texts: Sequence[str], prefix: Prefix, attention_mask: Tensor) -> None:
        """Cache the prefix of B texts; does nothing with gradients enabled.

        Args:
            texts: The texts.
            prefix: Prefix of the texts and possibly a continuation, which is not cached.
            attention_mask: ``bool[B, S]``, mask of the texts' tokens.
        """
        if not torch.is_grad_enabled():
            length = attention_mask.shape[1]
            self._prefix_cache.get_or_compute(tuple(texts), lambda: (prefix.truncate(length), attention_mask))

    def _encode_prefix(self, texts: Sequence[str]) -> tuple[Prefix, Tensor]:
        embeddings, mask, positions = left_pad([self.embed_text(text)[0] for text in texts])
        if embeddings.shape[1] == 0:  # instructions may start with the image
            return Prefix([], 0), mask
        return self(embeddings, attention=causal_mask(mask), positions=positions)[1], mask

    def forward(self, embeddings: Tensor, prefix: Prefix | None = None, attention: Tensor | Blocks | None = None,
                positions: Tensor | None = None) -> tuple[Tensor, Prefix]:
        """Run the decoder over the continuation of a prefix.

        Args:
            embeddings: ``float[B, T, E]``, input embeddings.
            prefix: Key-value cache of the preceding tokens of the B sequences; None if there are none.
            attention: Mask ``bool[T, S + T]`` or ``bool[B, T, S + T]``, True = attended to; or blocks; causal if None.
            positions: Position ids ``int[T]`` or ``int[B, T]``; S, S + 1, ... if None.

        Returns:
            Hidden states ``float32[B, T, E]`` after the last norm, and the prefix extended by the continuation.
        """
        batch, length, _ = embeddings.shape
        past = prefix.length if prefix is not None else 0
        if positions is None:
            positions = torch.arange(past, past + length, device=embeddings.device)
        attention_kwargs = dict(blocks=attention) if isinstance(attention, Blocks) else dict(
            attention_mask=self._attention_bias(attention, batch, length, past))
        cache = DynamicCache()
        for layer, (key, value) in enumerate(prefix.layers if prefix is not None else []):
            cache.update(key, value, layer)
        output = self.decoder(
            inputs_embeds=embeddings.to(self.decoder.embed_tokens.weight.dtype),
            position_ids=positions.expand(batch, -1),
            use_cache=True,
            **{CACHE_ARGUMENT: cache},
            **attention_kwargs)
        layers = [(layer.keys, layer.values) for layer in cache.layers]
        return output.last_hidden_state.float(), Prefix(layers, past + length)

    def _attention_bias(self, attention: Tensor | None, batch: int, length: int, past: int) -> Tensor:
        """Additive attention mask ``float[B, 1, T, S + T]`` of a boolean one."""
        weight = self.decoder.embed_tokens.weight
        if attention is None:
            attention = torch.ones(length, past + length, dtype=torch.bool, device=weight.device).tril(past)
        bias = torch.zeros(attention.shape, dtype=weight.dtype, device=weight.device).masked_fill(~attention, -1e9)
        return bias.unsqueeze(-3).expand(batch, 1, -1, -1)

"""A language model that attends as the heads need it, and its tokenizer, from wherever they are published."""

import json

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from visionllm.ops.block_attention import SHARED_PREFIX

from ..huggingface import PretrainedError, load_model, load_tokenizer, place_of

LIKE_LLAMA = 'a causal language model like LlamaForCausalLM'
NEEDED = ('embed_tokens', *(f'layers.0.self_attn.{name}_proj' for name in 'qkvo'))


def load_causal_lm(source: str, dtype: torch.dtype,
                   random_config: dict | None = None) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A causal LM whose attention is ``visionllm.ops.block_attention``, and its tokenizer.

    Args:
        source, dtype, random_config: Of ``load_model``.

    Raises:
        PretrainedError: It cannot be loaded or has no tokenizer, or it is not like a LLaMA.
    """
    model = load_model(AutoModelForCausalLM, source, LIKE_LLAMA, dtype, random_config)
    parts = dict(model.named_modules())
    lacking = [name for name in NEEDED if f'model.{name}' not in parts]
    if lacking:
        raise PretrainedError(f'{source} is a {type(model).__name__}, in whose model there is no {", ".join(lacking)}; '
                              f'expected {LIKE_LLAMA}.')
    model.set_attn_implementation(SHARED_PREFIX)
    if model.config._attn_implementation != SHARED_PREFIX:
        raise PretrainedError(f'{source} is a {type(model).__name__}, whose attention is not of transformers\' '
                              f'AttentionInterface and cannot be exchanged; expected {LIKE_LLAMA}.')
    tokenizer, rows = load_tokenizer(source), model.get_input_embeddings().num_embeddings
    if 'gguf_file' in place_of(source) and len(tokenizer) > rows:
        tokenizer = _without_strangers(tokenizer, rows)
    return model, tokenizer


def _without_strangers(tokenizer: PreTrainedTokenizerBase, rows: int) -> PreTrainedTokenizerBase:
    """A tokenizer without the ``<|endoftext|>`` that transformers adds to each byte-level one of a GGUF file, also to
    LLaMA 3's, whose model has no row for it."""
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    content['added_tokens'] = [token for token in content['added_tokens'] if token['id'] < rows]
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(content)),
                                   **tokenizer.special_tokens_map)

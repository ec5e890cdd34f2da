"""Loading of a causal language model with block attention, and of its tokenizer."""

import json

import torch
from tokenizers import Tokenizer
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from visionllm.ops.block_attention import SHARED_PREFIX

from ..huggingface import PretrainedError, load_model, load_tokenizer, pretrained_kwargs, translated_errors

LIKE_LLAMA = 'a causal language model like LlamaForCausalLM'
NEEDED = ('embed_tokens', *(f'layers.0.self_attn.{name}_proj' for name in 'qkvo'))


def load_causal_lm(source: str, dtype: torch.dtype,
                   random_config: dict | None = None) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a causal LM with the attention of ``visionllm.ops.block_attention``, and its tokenizer.

    Args:
        source, dtype, random_config: As in ``load_model``.

    Raises:
        PretrainedError: It cannot be loaded, has no tokenizer, or does not have the architecture of a LLaMA.
    """
    model = load_text_part(source, dtype, random_config)
    modules = dict(model.named_modules())
    missing = [name for name in NEEDED if f'model.{name}' not in modules]
    if missing:
        raise PretrainedError(f'{source} is a {type(model).__name__}, in whose model there is no {", ".join(missing)}; '
                              f'expected {LIKE_LLAMA}.')
    model.set_attn_implementation(SHARED_PREFIX)
    if model.config._attn_implementation != SHARED_PREFIX:
        raise PretrainedError(f'{source} is a {type(model).__name__}, whose attention does not use transformers\' '
                              f'AttentionInterface and cannot be exchanged; expected {LIKE_LLAMA}.')
    tokenizer, size = load_tokenizer(source), model.get_input_embeddings().num_embeddings
    if 'gguf_file' in pretrained_kwargs(source) and len(tokenizer) > size:
        tokenizer = _drop_tokens_from(tokenizer, size)
    return model, tokenizer


def load_text_part(source: str, dtype: torch.dtype, random_config: dict | None = None) -> PreTrainedModel:
    """A causal LM, or that in a model of images and text, such as LLaVA. Arguments as of ``load_causal_lm``.

    Raises:
        PretrainedError: It cannot be loaded.
    """
    kwargs = pretrained_kwargs(source)
    with translated_errors(source, LIKE_LLAMA):
        config = AutoConfig.from_pretrained(**kwargs)
    if config.get_text_config() is config:
        return load_model(AutoModelForCausalLM, source, LIKE_LLAMA, dtype, random_config)
    whole = load_model(AutoModelForImageTextToText, source, LIKE_LLAMA, dtype, random_config)
    with torch.device('meta'):
        model = AutoModelForCausalLM.from_config(whole.config.get_text_config())
    model.model, model.lm_head = whole.model.language_model, whole.lm_head
    model.generation_config = whole.generation_config
    return model


def _drop_tokens_from(tokenizer: PreTrainedTokenizerBase, size: int) -> PreTrainedTokenizerBase:
    """A tokenizer without added tokens of ids from ``size`` on.

    transformers adds ``<|endoftext|>`` to all byte-level tokenizers of GGUF files, also to that of LLaMA 3, whose
    embedding matrix has no row for it.
    """
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    content['added_tokens'] = [token for token in content['added_tokens'] if token['id'] < size]
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(content)),
                                   **tokenizer.special_tokens_map)

"""LLaVA of transformers and a VisionLLM of the same parts: weights in both directions.

A published LLaVA is the ``source`` of encoder and language model; ``LlavaPretrained`` loads the projector between them.
``save_as_llava`` writes a folder that ``LlavaForConditionalGeneration.from_pretrained`` and ``AutoProcessor`` read.
"""

from pathlib import Path

import torch
from mmengine.registry import WEIGHT_INITIALIZERS
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from transformers import AutoModelForImageTextToText

from visionllm.errors import ConfigError

from .checkpoint_loading import load_weights
from .huggingface import load_model

PREFIXES = {  # of tensors: here, and in LlavaForConditionalGeneration
    'connector.encoder.model.': 'model.vision_tower.',
    'heads.text.image_prompt.projector.0.': 'model.multi_modal_projector.linear_1.',
    'heads.text.image_prompt.projector.2.': 'model.multi_modal_projector.linear_2.',
    'llm.decoder.': 'model.language_model.',
    'llm.output.': 'lm_head.',
}
PROJECTOR = 'heads.text.image_prompt.*'


@WEIGHT_INITIALIZERS.register_module()
class LlavaPretrained:
    """``init_cfg`` of a VisionLLM whose projector comes from a LLaVA of transformers.

    Args:
        checkpoint: Its hub id or folder.
    """

    def __init__(self, checkpoint: str):
        self.checkpoint = checkpoint

    def __call__(self, model: nn.Module) -> None:
        """Load.

        Raises:
            PretrainedError: There is no such LLaVA.
            CheckpointMismatchError: The projector has other sizes.
        """
        llava = load_model(AutoModelForImageTextToText, self.checkpoint, 'a LLaVA', torch.float32)
        load_weights(model, from_llava(llava.state_dict()), self.checkpoint, (PROJECTOR, ))


def from_llava(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a ``LlavaForConditionalGeneration`` by the names of a VisionLLM; others are left out."""
    return _renamed(state, {theirs: ours for ours, theirs in PREFIXES.items()})


def to_llava(model: nn.Module) -> dict[str, Tensor]:
    """The tensors of a VisionLLM by the names of ``LlavaForConditionalGeneration``, frozen ones included.

    Raises:
        ConfigError: LoRA is not merged.
    """
    lora = [module for module in model.llm.modules() if isinstance(module, BaseTunerLayer)]
    if not all(module.merged for module in lora):
        raise ConfigError('The weights of LLaVA have no LoRA beside them: merge it with model.llm.merge() first.')
    state = {name.replace('.base_layer.', '.'): parameter.detach()
             for name, parameter in model.named_parameters(remove_duplicate=False) if '.lora_' not in name}
    return _renamed(state, PREFIXES)


def _renamed(state: dict[str, Tensor], prefixes: dict[str, str]) -> dict[str, Tensor]:
    return {new + name.removeprefix(old): tensor for name, tensor in state.items()
            for old, new in prefixes.items() if name.startswith(old)}


def save_as_llava(model: nn.Module, folder: str | Path) -> None:
    """Write a folder of transformers' LLaVA: config, weights, tokenizer and image processor.

    LoRA is merged in place. A base vocabulary without ``<image>`` is followed by all added tokens.

    Args:
        model: A VisionLLM of ``HuggingFaceVisionEncoder``, ``GridTokenizer``, ``CausalLM`` and a projector ``mlp``
            without boxes.

    Raises:
        ConfigError: It has other parts.
    """
    from transformers import CLIPImageProcessor, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor  # slow
    check_parts(model)
    encoder, llm = model.connector.encoder, model.llm.merge()
    state, tokenizer = to_llava(model), llm.vocabulary.tokenizer
    image = tokenizer.convert_tokens_to_ids('<image>')
    if image >= llm.vocabulary.base_size:
        for name in ('model.language_model.embed_tokens.weight', 'lm_head.weight'):
            state[name] = torch.cat([state[name], llm.new_rows.weight.to(state[name])])
    text = type(llm.causal_lm.config)(**{**llm.causal_lm.config.to_dict(), 'tie_word_embeddings': False,
                                         'vocab_size': len(state['lm_head.weight'])})
    side = encoder.image_size[0] // encoder.model.config.patch_size
    config = LlavaConfig(vision_config=encoder.model.config, text_config=text, image_token_index=image,
                         image_seq_length=side**2, vision_feature_layer=encoder.layer)
    with torch.device('meta'):
        llava = LlavaForConditionalGeneration(config)
    llava.load_state_dict(state, assign=True)
    llava.save_pretrained(folder)
    size = dict(zip(('height', 'width'), encoder.image_size))
    pictures = CLIPImageProcessor(size=dict(shortest_edge=min(encoder.image_size)), crop_size=size,
                                  image_mean=encoder.mean.flatten().tolist(), image_std=encoder.std.flatten().tolist())
    LlavaProcessor(pictures, tokenizer, patch_size=encoder.model.config.patch_size, num_additional_image_tokens=1,
                   vision_feature_select_strategy='default').save_pretrained(folder)


def check_parts(model: nn.Module) -> None:
    """Whether a VisionLLM has the parts of transformers' LLaVA.

    Raises:
        ConfigError: It has not.
    """
    prompt = getattr(model.heads['text'], 'image_prompt', None) if 'text' in model.heads else None
    names = {name.removesuffix('.weight') for name, _ in prompt.named_parameters()} if prompt is not None else set()
    is_mlp = {'projector.0', 'projector.2'} <= names and 'projector.1' not in names
    if not hasattr(getattr(model.connector, 'encoder', None), 'image_size') or not is_mlp or prompt.with_boxes:
        raise ConfigError('transformers\' LLaVA has a vision encoder of transformers and a projector of two layers: '
                          'build the model with GridTokenizer(encoder=dict(type=\'HuggingFaceVisionEncoder\')) and '
                          'ProjectedPrompt(projector=\'mlp\', with_boxes=False).')

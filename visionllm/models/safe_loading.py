"""Loading checkpoints without running code.

mmengine first tries ``torch.load(weights_only=True)`` and, if that fails, loads the file again with
``weights_only=False``, which runs pickled code. That fallback is replaced for every caller of mmengine's loader
(``--resume``, ``load_from``, ``init_cfg=dict(type='Pretrained')``, ``init_detector``), and so is loading from a URL.
``.safetensors`` files are supported wherever mmengine takes a checkpoint.
"""

import hashlib
import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import BinaryIO, TypeAlias
from urllib.error import URLError
from urllib.parse import urlparse

import torch
from mmengine.runner import checkpoint as mmengine_checkpoint
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from visionllm.assets import SHIPPED
from visionllm.atomic_write import write_atomically
from visionllm.errors import UserError

Location: TypeAlias = str | torch.device | Callable | None  # as torch.load's map_location

SCHEME = 'visionllm://'  # of shipped models


class UnsafeCheckpointError(UserError, RuntimeError):
    """A checkpoint that is damaged, or that cannot be loaded without running code from it."""


def load_weights_only(file: str | Path | BinaryIO, map_location: Location = None,
                      weights_only: bool | None = None) -> dict:
    """Drop-in for mmengine's loader (hence the unused third argument): tensors and plain containers, or an error.

    Raises:
        UnsafeCheckpointError: The file holds other objects, is damaged or is no checkpoint.
    """
    allowed = [*mmengine_checkpoint.get_torch_safe_globals(), Namespace]  # DETR's checkpoints contain their arguments
    try:
        with torch.serialization.safe_globals(allowed):
            return torch.load(file, map_location=map_location, weights_only=True)
    except UnpicklingError as error:
        raise UnsafeCheckpointError(
            f'{file} was not loaded: it holds Python objects besides tensors, and unpickling those can run code. '
            'Save the state dict alone (torch.save(model.state_dict()) or safetensors) where you trust the file. '
            f'torch says: {str(error).splitlines()[0]}') from None
    except (EOFError, KeyError, RuntimeError, ValueError) as error:  # what torch raises for truncated and other files
        says_nothing = isinstance(error, KeyError) or not str(error)  # of a file that is no pickle at all
        reason = type(error).__name__ if says_nothing else str(error).split('. ')[0]
        raise UnsafeCheckpointError(f'{file} is damaged or no checkpoint ({reason}). Copy or download it '
                                    'again.') from None


def load_local(filename: str, map_location: Location = None) -> dict:
    """Load ``.safetensors`` (as ``{'state_dict', 'meta'}``) or a ``torch.save`` file without running code.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeCheckpointError: It cannot be loaded safely.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'Checkpoint {filename} does not exist.')
    if path.suffix != '.safetensors':
        return load_weights_only(str(path), map_location=map_location)
    try:
        with safe_open(path, 'pt') as file:
            meta = json.loads((file.metadata() or {}).get('meta', '{}'))
        return dict(state_dict=load_file(path, device=str(map_location or 'cpu')), meta=meta)
    except SafetensorError as error:
        raise UnsafeCheckpointError(f'{filename} is not a valid safetensors file: {error}') from None


def load_from_url(url: str, model_dir: str | None = None, map_location: Location = None, progress: bool = True) -> dict:
    """Drop-in for torch's ``load_url``: download once, then load as a local file.

    Raises:
        ConnectionError: It could not be downloaded.
    """
    address = hashlib.sha256(url.encode()).hexdigest()[:8]  # many URLs end in model.safetensors
    path = Path(model_dir or Path(torch.hub.get_dir()) / 'checkpoints') / address / Path(urlparse(url).path).name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), progress=progress)
        except URLError as error:
            raise ConnectionError(f'{url} could not be downloaded ({error}). Where there is no network, put the file '
                                  'on disk and give its path in the config.') from None
    return load_local(str(path), map_location)


def load_shipped(filename: str, map_location: Location = None) -> dict:
    """Load the weights of a shipped model, ``visionllm://NAME``.

    Raises:
        FileNotFoundError: There is no such model.
    """
    name = filename.removeprefix(SCHEME)
    if name not in SHIPPED:
        raise FileNotFoundError(f'There is no shipped model {name!r}; there are {" and ".join(SHIPPED)}.')
    return load_local(SHIPPED[name] / 'model.safetensors', map_location)


def load_by_address(filename: str, map_location: Location = None, logger: object = None) -> dict:
    """Drop-in for mmengine's ``CheckpointLoader.load_checkpoint``, without its message about a "backend" (hence the
    unused third argument): who calls it says what is loaded."""
    return mmengine_checkpoint.CheckpointLoader._get_checkpoint_loader(filename)(filename, map_location)


def save_safetensors(state_dict: dict[str, torch.Tensor], filename: str | Path, meta: dict) -> None:
    """Write tensors and a JSON-able ``meta`` as one safetensors file that ``load_local`` reads."""
    tensors = {name: tensor.detach().contiguous().cpu() for name, tensor in state_dict.items()}
    write_atomically(filename, save(tensors, metadata=dict(format='pt', meta=json.dumps(meta))))


def install_safe_loading() -> None:
    """Replace mmengine's loaders by these."""
    mmengine_checkpoint._safe_torch_load = load_weights_only
    mmengine_checkpoint.load_url = load_from_url
    mmengine_checkpoint.CheckpointLoader.load_checkpoint = staticmethod(load_by_address)
    mmengine_checkpoint.CheckpointLoader.register_scheme(prefixes='', loader=load_local, force=True)
    mmengine_checkpoint.CheckpointLoader.register_scheme(prefixes=SCHEME, loader=load_shipped, force=True)

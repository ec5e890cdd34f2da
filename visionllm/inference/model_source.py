"""Where a model is: shipped with this package, in a folder, on the Hugging Face hub, or a config with a checkpoint."""

from pathlib import Path

from visionllm.apis.model_files import CARD, CONFIG, WEIGHTS, ModelConfig
from visionllm.assets import SHIPPED
from visionllm.errors import ConfigError, UserError


class ModelNotFoundError(UserError, FileNotFoundError):
    """A model that is neither shipped nor in a folder nor on the hub."""


def check_device(name: str) -> None:
    """Check that tensors can be made on a device.

    Raises:
        ConfigError: There is none of that name here.
    """
    import torch
    try:
        torch.empty(1, device=name)
    except (AssertionError, NotImplementedError, RuntimeError) as error:
        reason = str(error).partition('\n')[0].rstrip('.')
        raise ConfigError(f'There is no device {name} here ({reason}); cpu is there.') from None


def find_model(model: str | Path, checkpoint: str | Path | None = None) -> tuple[ModelConfig, str]:
    """The config of a model, and the file of its weights; arguments as of ``VisionLLM``.

    Raises:
        ModelNotFoundError: There is no such model; the message says which there are.
    """
    path = Path(model).expanduser()
    if path.suffix == '.py':
        return _from_config(path, checkpoint)
    if checkpoint is not None:
        raise ModelNotFoundError(f'{model} has weights of its own. A checkpoint belongs to a config of MMDetection '
                                 '(.py).')
    folder = SHIPPED[str(model)] if str(model) in SHIPPED else path if path.is_dir() else _from_hub(str(model))
    lacking = [name for name in (CONFIG, WEIGHTS) if not (folder / name).is_file()]
    if lacking:
        raise ModelNotFoundError(f'{folder} holds no {" and no ".join(lacking)}: it is no folder of save_pretrained.')
    return ModelConfig.from_folder(folder), str(folder / WEIGHTS)


def _from_config(config: Path, checkpoint: str | Path | None) -> tuple[ModelConfig, str]:
    if not config.is_file():
        raise ModelNotFoundError(f'There is no config {config}.')
    if checkpoint is None:
        raise ModelNotFoundError(f'{config} is a config; name its weights as well (checkpoint).')
    return ModelConfig.from_config(str(config)), str(checkpoint)


def _from_hub(repo_id: str) -> Path:
    """Download the files of a model, or take those of the cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )
    shipped = ' and '.join(SHIPPED)
    try:
        if '/' not in repo_id:  # the hub has such ids, of models from before there were owners
            raise HFValidationError
        return Path(snapshot_download(repo_id, allow_patterns=[CONFIG, WEIGHTS, CARD]))
    except HFValidationError:
        raise ModelNotFoundError(f'There is no model {repo_id!r}: shipped are {shipped}; or give a folder, or an id on '
                                 'the Hugging Face hub (OWNER/NAME).') from None
    except RepositoryNotFoundError:
        raise ModelNotFoundError(f'{repo_id} is no folder here and no model on the Hugging Face hub; shipped are '
                                 f'{shipped}.') from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise ModelNotFoundError(
            f'{repo_id} is no folder here, and the Hugging Face hub was not reached ({type(error).__name__}). In its '
            f'cache are {_cached()}; shipped are {shipped}.') from None


def _cached() -> str:
    """The models of the hub's cache."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound
    try:
        return ', '.join(sorted(repo.repo_id for repo in scan_cache_dir().repos)) or 'no models'
    except CacheNotFound:
        return 'no models'

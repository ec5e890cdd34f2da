"""What a lesson taught, kept in a file: lessons come before training and are the same for many runs."""

from pathlib import Path

import torch
from mmengine.dist import broadcast_object_list, is_main_process
from torch import Tensor

from .checkpoint import load_local


def recall(cache: Path | None, settings: dict[str, object]) -> dict[str, Tensor] | None:
    """The weights that a lesson of these settings left, or None where nothing was kept.

    Raises:
        ValueError: If the file is of a lesson with other settings.
    """
    kept = [_read(cache, settings) if is_main_process() else None]
    broadcast_object_list(kept)  # the others may not see the same disk
    return kept[0]


def _read(cache: Path | None, settings: dict[str, object]) -> dict[str, Tensor] | None:
    if cache is None or not cache.exists():
        return None
    kept = load_local(str(cache))
    if kept.get('settings') != settings:
        raise ValueError(f'{cache} was taught with {kept.get("settings")}, and this run asks for {settings}: delete '
                         'the file to teach again, or name another cache.')
    return kept['state_dict']


def remember(cache: Path | None, settings: dict[str, object], state: dict[str, Tensor]) -> None:
    """Keep what a lesson taught, if there is a place for it."""
    if cache is not None and is_main_process():
        cache.parent.mkdir(parents=True, exist_ok=True)
        torch.save(dict(settings=settings, state_dict=state), cache)

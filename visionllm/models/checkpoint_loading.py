"""Loading of pre-trained weights, with a complete report of mismatches before any weight is changed."""

from collections import defaultdict
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from mmengine.logging import print_log
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from visionllm.errors import CheckpointMismatchError

SHOWN = 3  # mismatches of each part that a message names


def read_state_dict(checkpoint: str) -> dict[str, Tensor]:
    """Read the state dict of a checkpoint.

    Args:
        checkpoint: Path or URL that mmengine can load, of ``{'state_dict': ..}`` (mmengine), ``{'model': ..}``, or a
            state dict.

    Raises:
        FileNotFoundError: There is no such file; the message names the command that trains it, if it belongs to one of
            this project's configs.
    """
    try:
        content = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    except FileNotFoundError as error:
        configs = Path('configs').glob(f'*/{Path(checkpoint).parent.name}.py')
        hint = ''.join(f' `python tools/train.py {config}` makes it.' for config in configs)
        raise FileNotFoundError(f'{error}{hint}') from None
    return content.get('state_dict', content.get('model', content))


def load_weights(module: nn.Module, state: dict[str, Tensor], source: str, parts: Sequence[str] = ('*', ),
                   new: tuple[str, ...] = ()) -> None:
    """Load a state dict; log the unexpected tensors of its parts, and the module's missing ones.

    Args:
        module: Module to load into.
        state: Tensors by the module's parameter and buffer names.
        source: Name of the checkpoint, for messages.
        parts: Name patterns of the tensors that are loaded.
        new: Name prefixes of those among them that may be missing.

    Raises:
        CheckpointMismatchError: Tensors are missing or of another shape; the message names the first of each part.
    """
    def chosen(name: str) -> bool:
        return any(fnmatch(name, pattern) for pattern in parts)

    own = {name: tensor for name, tensor in module.state_dict().items() if chosen(name)}
    mismatches = _mismatches(own, state, new)
    if mismatches:
        raise CheckpointMismatchError(f'{source} holds weights of another model or size. {format_by_part(mismatches)}')
    loaded = {name: tensor for name, tensor in state.items() if name in own}
    module.load_state_dict(loaded, strict=False)
    unexpected = [name for name in state if name not in own and chosen(name)]
    missing = sorted({name.rpartition('.')[0] for name in own if name not in state})
    print_log(f'{source}: {len(loaded)} tensors loaded. {len(unexpected)} unexpected tensors were ignored: '
              f'{", ".join(unexpected) or "none"}. {len(missing)} modules keep their initial weights: '
              f'{", ".join(missing) or "none"}.', 'current')


def describe_mismatch(module: nn.Module, state: dict[str, Tensor]) -> str:
    """Differences between a state dict and that of a module, by part; empty if there is none."""
    own = module.state_dict()
    known = own.keys() | {  # frozen tensors are in no state dict
        name for named in (module.named_parameters, module.named_buffers) for name, _ in named(remove_duplicate=False)}
    unexpected = {name: 'has no place here' for name in state if name not in known}
    return format_by_part(_mismatches(own, state) | unexpected)


def _mismatches(own: dict[str, Tensor], state: dict[str, Tensor], new: tuple[str, ...] = ()) -> dict[str, str]:
    """Descriptions of tensors that are missing or of another shape, by name."""
    mismatches = {}
    for name, tensor in own.items():
        if name in state and state[name].shape != tensor.shape:
            mismatches[name] = f'is {tuple(state[name].shape)} and should be {tuple(tensor.shape)}'
        elif name not in state and not name.startswith(new) and not name.endswith('num_batches_tracked'):
            mismatches[name] = 'is missing'  # num_batches_tracked is unused, and old checkpoints lack it
    return mismatches


def format_by_part(faults: dict[str, str]) -> str:
    """Format descriptions of mismatched tensors, by name, grouped by the first component of their names; of a part the
    first ones, and how many more."""
    parts = defaultdict(list)
    for name, fault in faults.items():
        part, _, rest = name.partition('.')
        parts[part].append(f'{rest} {fault}'.strip())
    return ' | '.join(f'{part}: {"; ".join(each[:SHOWN])}' + (f'; and {len(each) - SHOWN} more' if each[SHOWN:] else '')
                      for part, each in parts.items())

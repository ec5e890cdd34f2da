"""Weights of others: what fits is loaded, what does not fit is said before anything is changed."""

from collections import defaultdict
from pathlib import Path

from mmengine.logging import print_log
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn


def read_published(checkpoint: str) -> dict[str, Tensor]:
    """Tensors of a checkpoint, by name.

    Args:
        checkpoint: Path or URL that mmengine can load; ``{'state_dict': ..}`` as mmengine writes it, ``{'model': ..}``
            as others do, or tensors alone.

    Raises:
        FileNotFoundError: Names the command that makes the file, where it is one of our own configs' work.
    """
    try:
        content = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    except FileNotFoundError as error:
        configs = Path('configs').glob(f'*/{Path(checkpoint).parent.name}.py')
        how = ''.join(f' `python tools/train.py {config}` makes it.' for config in configs)
        raise FileNotFoundError(f'{error}{how}') from None
    return content.get('state_dict', content.get('model', content))


def load_published(module: nn.Module, state: dict[str, Tensor], source: str, parts: tuple[str, ...] = ('', ),
                   new: tuple[str, ...] = ()) -> None:
    """Load what has a place, and log what has none.

    Args:
        module: To be filled.
        state: Tensors by the module's own names.
        source: Where they are from.
        parts: Beginnings of the names that must be filled.
        new: Beginnings of those among them that may start anew.

    Raises:
        RuntimeError: Tensors are missing or of another shape; all are named, by part.
    """
    own = {name: tensor for name, tensor in module.state_dict().items() if name.startswith(parts)}
    faults = _faults(own, state, new)
    if faults:
        raise RuntimeError(f'{source} holds weights of another model or size. {by_part(faults)}')
    fitting = {name: tensor for name, tensor in state.items() if name in own}
    module.load_state_dict(fitting, strict=False)
    left = [name for name in state if name not in own]
    anew = sorted({name.rpartition('.')[0] for name in own if name not in state})
    print_log(f'{source}: {len(fitting)} tensors loaded; {len(left)} have no place here: {", ".join(left) or "none"}. '
              f'{len(anew)} parts start anew: {", ".join(anew) or "none"}.', 'current')


def difference(module: nn.Module, state: dict[str, Tensor]) -> str:
    """All that keeps tensors from being exactly a module's, by part."""
    own = module.state_dict()
    places = own.keys() | {  # those that are frozen are in no state dict
        name for named in (module.named_parameters, module.named_buffers) for name, _ in named(remove_duplicate=False)}
    return by_part(_faults(own, state) | {name: 'has no place here' for name in state if name not in places})


def _faults(own: dict[str, Tensor], state: dict[str, Tensor], new: tuple[str, ...] = ()) -> dict[str, str]:
    """What is wrong with tensors that are missing or of another shape, by name."""
    faults = {}
    for name, tensor in own.items():
        if name in state and state[name].shape != tensor.shape:
            faults[name] = f'is {tuple(state[name].shape)} and should be {tuple(tensor.shape)}'
        elif name not in state and not name.startswith(new) and not name.endswith('num_batches_tracked'):
            faults[name] = 'is missing'  # but for a counter that nobody reads and old checkpoints do not have
    return faults


def by_part(faults: dict[str, str]) -> str:
    """What is wrong with tensors, listed by the first word of their names."""
    of_part = defaultdict(list)
    for name, fault in faults.items():
        part, _, rest = name.partition('.')
        of_part[part].append(f'{rest} {fault}'.strip())
    return ' | '.join(f'{part}: {"; ".join(each)}' for part, each in of_part.items())

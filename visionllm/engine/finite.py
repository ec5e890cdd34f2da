"""Training that has run into NaN stops at once, says on what, and leaves no checkpoint of it."""

from math import isfinite

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from torch import Tensor

from .saving import last_checkpoint


class DivergedError(RuntimeError):
    """A loss or a weight that is no number any more."""


@HOOKS.register_module()
class StopAtNaN(Hook):
    """Stop where a loss or the gradients are not finite, and before weights are saved that are not.

    A loss scaler has its own way with infinite gradients: it leaves the step out.
    """

    def after_train_iter(self, runner, batch_idx: int, data_batch: dict, outputs: dict[str, Tensor]) -> None:
        """Look at the loss, and at the gradients' norm where they are clipped by it.

        Raises:
            DivergedError: Names the step, the losses, the pictures and the last good checkpoint.
        """
        found = {name: float(value) for name, value in outputs.items() if name.startswith('loss')}
        if 'train/grad_norm' in runner.message_hub.log_scalars and not hasattr(runner.optim_wrapper, 'loss_scaler'):
            found['grad_norm'] = runner.message_hub.get_scalar('train/grad_norm').current()
        broken = ', '.join(f'{name} {value}' for name, value in found.items() if not isfinite(value))
        if broken:
            pictures = ', '.join(sample.img_path for sample in data_batch['data_samples'])
            raise DivergedError(f'Step {runner.iter + 1} is not finite ({broken}) on {pictures}; {remedy(runner)}')

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Look at the weights: finite losses may leave others.

        Raises:
            DivergedError: Names them.
        """
        refuse_nan(checkpoint['state_dict'], f'Step {runner.iter + 1}', remedy(runner))


def refuse_nan(state: dict[str, Tensor], culprit: str, remedy: str = 'lower its learning rate.') -> None:
    """Let finite weights pass.

    Raises:
        DivergedError: Names those that are not.
    """
    broken = [name for name, value in state.items() if not value.isfinite().all()]
    if broken:
        more = f' and {len(broken) - 3} more' if len(broken) > 3 else ''
        raise DivergedError(f'{culprit} left weights that are not finite ({", ".join(broken[:3])}{more}), which were '
                            f'not saved; {remedy}')


def remedy(runner) -> str:
    """What to do about it."""
    last = last_checkpoint(runner.work_dir)
    start = f'go on from {last}, the last good checkpoint, with --resume' if last else 'start again (there is no ' \
        'checkpoint yet)'
    return f'lower the learning rate or leave these pictures out, and {start}.'

"""Training stops at the first loss, gradient or weight that is not finite, and saves no checkpoint of it."""

from math import isfinite

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from visionllm.errors import UserError

from .checkpoint_files import last_checkpoint


class DivergedError(UserError, RuntimeError):
    """A loss, gradient or weight that is NaN or infinite."""


@HOOKS.register_module()
class StopAtNaN(Hook):
    """Stop where a loss or the gradients are not finite, and before weights are saved that are not.

    With a loss scaler, gradients are not checked: it skips steps with infinite ones itself.
    """

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict, outputs: dict[str, Tensor]) -> None:
        """Check the losses, and the gradient norm where gradients are clipped.

        Raises:
            DivergedError: Names the step, the losses, the images and the last good checkpoint.
        """
        found = {name: float(value.detach()) for name, value in outputs.items() if name.startswith('loss')}
        if 'train/grad_norm' in runner.message_hub.log_scalars and not hasattr(runner.optim_wrapper, 'loss_scaler'):
            found['grad_norm'] = runner.message_hub.get_scalar('train/grad_norm').current()
        broken = ', '.join(f'{name} {value}' for name, value in found.items() if not isfinite(value))
        if broken:
            images = ', '.join(sample.img_path for sample in data_batch['data_samples'])
            raise DivergedError(f'Step {runner.iter + 1} is not finite ({broken}) on {images}; {remedy(runner)}')

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check the weights, which may be infinite after a finite loss.

        Raises:
            DivergedError: Names them.
        """
        check_finite(checkpoint['state_dict'], f'Step {runner.iter + 1}', remedy(runner))


def check_finite(state: dict[str, Tensor], culprit: str, remedy: str = 'lower its learning rate.') -> None:
    """Check a state dict.

    Raises:
        DivergedError: Names the tensors that are not finite.
    """
    broken = [name for name, value in state.items() if not value.isfinite().all()]
    if broken:
        more = f' and {len(broken) - 3} more' if len(broken) > 3 else ''
        raise DivergedError(f'{culprit} left weights that are not finite ({", ".join(broken[:3])}{more}), which were '
                            f'not saved; {remedy}')


def remedy(runner: Runner) -> str:
    """What the user can do about it."""
    last = last_checkpoint(runner.work_dir)
    start = f'go on from {last}, the last good checkpoint, with --resume' if last else 'start again (there is no ' \
        'checkpoint yet)'
    return f'lower the learning rate or leave these images out, and {start}.'

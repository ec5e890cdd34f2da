from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook

from visionllm.engine.stop_at_nan import DivergedError, StopAtNaN

from ..conftest import tiny_runner


class BeforeStep2(Hook):
    """Does something to a table of weights."""

    def __init__(self, does):
        self.does = does

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if batch_idx == 1:
            self.does(runner.model.llm.new_rows.weight)


def spoil(weight):
    weight.data[:] = torch.inf


def explode(weight):
    weight.register_hook(lambda gradient: gradient * torch.inf)


def test_a_loss_of_nan_stops_training_and_says_on_what(tmp_path):
    runner = tiny_runner(tmp_path, precision='BFloat16OptimWrapper')
    runner.register_hook(BeforeStep2(spoil))
    last = tmp_path / 'iter_1.pth'
    with pytest.raises(DivergedError, match=rf'Step 2 is not finite \(loss.* nan.*\) on (\S+\.jpg, ){{3}}\S+\.jpg;'
                                            f' .* go on from {last}, the last good checkpoint, with --resume.$'):
        runner.train()
    assert (tmp_path / 'last_checkpoint').read_text() == str(last) and len(list(tmp_path.glob('iter_*'))) == 1


def test_gradients_of_infinity_stop_it_before_the_weights_are_lost(tmp_path):
    runner = tiny_runner(tmp_path)
    runner.register_hook(BeforeStep2(explode))
    with pytest.raises(DivergedError, match=r'Step 2 is not finite \(grad_norm (nan|inf)\) on '):
        runner.train()
    assert not (tmp_path / 'iter_2.pth').exists()


def test_weights_of_nan_are_not_saved(tmp_path):
    runner = SimpleNamespace(iter=1, work_dir=tmp_path)
    hook, good = StopAtNaN(), dict(a=torch.ones(2), count=torch.tensor(3))
    hook.before_save_checkpoint(runner, dict(state_dict=good))
    with pytest.raises(DivergedError, match=r'Step 2 left weights that are not finite \(b\), which were not saved; '
                                            r'lower the .* start again \(there is no checkpoint yet\)\.$'):
        hook.before_save_checkpoint(runner, dict(state_dict=good | dict(b=torch.tensor([1.0, torch.inf]))))

"""What comes before training on answers: a part is taught by itself, for a few steps, on the training data."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import Tensor, nn
from torch.optim import AdamW

from visionllm.models.averages import averages
from visionllm.models.frozen import only_training
from visionllm.structures import Mean

from .lesson_cache import recall, remember
from .processes import average_gradients, forget_use, unwrapped


class Lesson(Hook):
    """Before a new training run, train some parts; a resumed run has had its lessons.

    Args:
        steps: Number of batches.
        lr: Learning rate, falling to zero.
        weights: Of the datasets, where the lesson's differ from those of ``MixtureSampler``.
        batch_size: Where the lesson's differs from the dataloader's.
        cache: File to keep in what was taught; where it exists, it is read instead of teaching again. It fits the
            model and the tokenizer that it was taught with.
    """

    priority = 'LOWEST'  # after the model's own weights were loaded; among each other in the config's order
    shown: tuple[str, ...] = ()  # of the losses, in the log

    def __init__(self, steps: int, lr: float = 2e-3, weights: list[float] | None = None, cache: str | None = None,
                 batch_size: int | None = None):
        self.steps, self.lr, self.weights, self.batch_size = steps, lr, weights, batch_size
        self.cache = Path(cache) if cache else None

    def parts(self, model) -> list[nn.Module]:
        """What is trained."""
        raise NotImplementedError

    def losses(self, model, batch: dict) -> dict[str, Mean]:
        """Losses of a batch as the dataloader gives it; those whose name starts with ``loss`` are added up."""
        raise NotImplementedError

    def settings(self) -> dict[str, object]:
        """What a cache must agree with."""
        settings = dict(steps=self.steps, lr=self.lr)
        settings |= dict(weights=list(self.weights)) if self.weights else {}
        return settings | (dict(batch_size=self.batch_size) if self.batch_size else {})

    def before_train(self, runner) -> None:
        if runner.iter > 0:
            return
        model = unwrapped(runner.model)
        learned = recall(self.cache, self.settings())
        if learned is not None:
            model.load_state_dict(model.state_dict() | learned)
            print_log(f'{type(self).__name__}: learned before, from {self.cache}', 'current')
            return
        model.train()  # a fresh backbone would otherwise normalise with, and overwrite, its batch statistics
        parts = self.parts(model)
        trained = [p for part in parts for p in part.parameters() if p.requires_grad]
        precision = OPTIM_WRAPPERS.get(runner.cfg.optim_wrapper.type)  # that of the training after it
        wrapper = precision(optimizer=AdamW(trained, lr=self.lr, weight_decay=0.01), clip_grad=dict(max_norm=1.0))
        # a loader of its own: an infinite sampler cannot be started twice
        config = weighted(runner.cfg.train_dataloader, self.weights, self.batch_size)
        loader = runner.build_dataloader(config, seed=runner.seed)
        batches = (batch for batch in loader if knows_objects(batch))
        with only_training(model, trained):
            self._teach(model, wrapper, batches)
        nn.Module.zero_grad(model)
        forget_use(runner.model)
        remember(self.cache, self.settings(), what_was_taught(model, parts, wrapper.optimizer))

    def _teach(self, model, wrapper: OptimWrapper, batches: Iterator) -> None:
        seen = defaultdict(list)
        for step in range(self.steps):
            for group in wrapper.optimizer.param_groups:
                group['lr'] = self.lr * (1 - step / self.steps)
            with wrapper.optim_context(model):
                losses = averages(self.losses(model, next(batches)))
            wrapper.backward(sum(value for name, value in losses.items() if name.startswith('loss')))
            average_gradients(chain.from_iterable(group['params'] for group in wrapper.optimizer.param_groups))
            wrapper.step()
            wrapper.zero_grad()
            for name in self.shown:
                seen[name] += [float(losses[name].detach())] if name in losses else []
            if (step + 1) % 50 == 0:
                told = ', '.join(f'{name} {sum(v[-50:]) / len(v[-50:]):.2f}' for name, v in seen.items() if v)
                print_log(f'{type(self).__name__}: step {step + 1}, {told}', 'current')


def what_was_taught(model, parts: list[nn.Module], optimizer: AdamW) -> dict[str, Tensor]:
    """The part of the model's state that a lesson has moved: parameters that met the optimizer, and statistics.

    Parameters that only answering moves are left as each run starts them.
    """
    moved = {name for name, parameter in model.named_parameters() if parameter in optimizer.state}
    statistics = {id(buffer) for part in parts for buffer in part.buffers()}
    moved |= {name for name, buffer in model.named_buffers() if id(buffer) in statistics}
    return {name: value for name, value in model.state_dict().items() if name in moved}


def knows_objects(batch: dict) -> bool:
    """Whether a batch of any task says which objects there are."""
    return all('bboxes' in sample.gt_instances for sample in batch['data_samples'])


def weighted(dataloader: dict, weights: list[float] | None, batch_size: int | None) -> dict:
    """A dataloader's config with other weights of its datasets, and another size of its batches."""
    size = dict(batch_size=batch_size) if batch_size else {}
    changed = size | (dict(weights=list(weights)) if weights else {})
    return {**dataloader, **size, 'sampler': {**dataloader['sampler'], **changed}} if changed else dataloader

"""A stage of pre-training: some parts of the model are trained by themselves, for a few steps, before the training on
answers.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain

import torch
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.optim import AdamW

from visionllm.models.freezing import train_only
from visionllm.models.loss_reduction import reduce_losses
from visionllm.structures import ImageTokens, LossTerm

from ..distributed import average_gradients, reset_ddp_usage, unwrapped
from .progress import StageProgress

LOG_INTERVAL = 50


class PretrainingStage:
    """Trains ``parts`` by ``losses`` on batches of the run's training data.

    Args:
        name: Of the stage, unique in its run: in the log, in the timings and in the name of its cache file.
        steps: Number of batches.
        lr: Initial learning rate, falling linearly to zero.
        dataset_weights: Of the datasets in ``MixtureSampler``, where they differ from those of the training.
        batch_size: Where it differs from that of the training.
    """

    logged: tuple[str, ...] = ()  # names of losses and accuracies
    uses_data = True
    needs_objects = True  # leave out batches with an image without annotated objects

    def __init__(self, name: str, steps: int, lr: float = 2e-3, dataset_weights: list[float] | None = None,
                 batch_size: int | None = None):
        self.name, self.steps, self.lr = name, steps, lr
        self.dataset_weights = list(dataset_weights) if dataset_weights else None
        self.batch_size = batch_size

    def check(self, model: nn.Module) -> None:
        """Whether the model has what this stage trains.

        Raises:
            ConfigError: It has not.
        """

    def depends_on(self, model: nn.Module) -> list[object]:
        """What of the model the result depends on: modules, by their weights, options and tokenizers; and values."""
        return [model]

    def parts(self, model: nn.Module) -> list[nn.Module]:
        """The modules that are trained."""
        raise NotImplementedError

    def parameter_groups(self, parts: list[nn.Module]) -> list[dict]:
        """The trainable parameters of the parts: ``params``, and their ``initial_lr``."""
        return [dict(params=[p for part in parts for p in part.parameters() if p.requires_grad], initial_lr=self.lr)]

    def losses(self, model: nn.Module, batch: dict) -> dict[str, LossTerm]:
        """Losses of a batch as the dataloader gives it; the sum of those named ``loss*`` is minimized."""
        raise NotImplementedError

    def run(self, runner: Runner, progress: StageProgress) -> dict[str, Tensor]:
        """Train, and return the part of the state dict that was changed.

        Raises:
            Interrupted: The training was interrupted.
        """
        model = unwrapped(runner.model)
        self.check(model)
        model.train()  # a backbone in eval mode would use, and a fresh one overwrite, its batch statistics
        parts = self.parts(model)
        groups = self.parameter_groups(parts)
        trained = [p for group in groups for p in group['params']]
        precision = OPTIM_WRAPPERS.get(runner.cfg.optim_wrapper.type)
        wrapper = precision(optimizer=AdamW(groups, lr=self.lr, weight_decay=0.01), clip_grad=dict(max_norm=1.0))
        # a dataloader of its own: an infinite sampler cannot be restarted
        loader = runner.build_dataloader(stage_dataloader(runner.cfg.train_dataloader, self), seed=runner.seed)
        batches = progress.batches(loader)
        with train_only(model, trained):
            self._optimize(model, wrapper, (batch for batch in batches if not self.needs_objects or has_objects(batch)),
                           progress.steps(self.name, self.steps, runner.seed, model, wrapper))
        nn.Module.zero_grad(model)
        reset_ddp_usage(runner.model)
        return trained_state(model, parts, wrapper.optimizer)

    def _optimize(self, model: nn.Module, wrapper: OptimWrapper, batches: Iterator[dict], steps: Iterable[int]) -> None:
        history = defaultdict(list)
        for step in steps:
            for group in wrapper.optimizer.param_groups:
                group['lr'] = group['initial_lr'] * (1 - step / self.steps)
            with wrapper.optim_context(model):
                losses = reduce_losses(self.losses(model, next(batches)))
            wrapper.backward(sum(value for name, value in losses.items() if name.startswith('loss')))
            average_gradients(chain.from_iterable(group['params'] for group in wrapper.optimizer.param_groups))
            wrapper.step()
            wrapper.zero_grad()
            for name in self.logged:
                history[name] += [float(losses[name].detach())] if name in losses else []
            if (step + 1) % LOG_INTERVAL == 0:
                recent = ((name, values[-LOG_INTERVAL:]) for name, values in history.items() if values)
                means = ', '.join(f'{name} {sum(values) / len(values):.2f}' for name, values in recent)
                print_log(f'{self.name}: step {step + 1} of {self.steps}, {means}', 'current')


@torch.no_grad()
def frozen_tokens(model: nn.Module, data: dict) -> ImageTokens:
    """Refined image tokens of preprocessed data, from parts that are used and not changed."""
    for part in (model.backbone, model.neck, model.connector, model.refiners):
        if part is not None:
            part.eval()
    return model.extract_tokens(data['inputs'], data['data_samples'])[-1]


def trained_state(model: nn.Module, parts: Iterable[nn.Module], optimizer: AdamW) -> dict[str, Tensor]:
    """What a stage changed: parameters with an optimizer state, and buffers of the trained parts."""
    changed = {name for name, parameter in model.named_parameters() if parameter in optimizer.state}
    buffers = {id(buffer) for part in parts for buffer in part.buffers()}
    changed |= {name for name, buffer in model.named_buffers() if id(buffer) in buffers}
    return {name: value for name, value in model.state_dict().items() if name in changed}


def has_objects(batch: dict) -> bool:
    """Whether all samples of a batch have annotated objects."""
    return all('bboxes' in sample.gt_instances for sample in batch['data_samples'])


def stage_dataloader(dataloader: dict, stage: PretrainingStage) -> dict:
    """The config of the training's dataloader with the stage's own batch size and dataset weights."""
    size = dict(batch_size=stage.batch_size) if stage.batch_size else {}
    changed = size | (dict(weights=stage.dataset_weights) if stage.dataset_weights else {})
    return {**dataloader, **size, 'sampler': {**dataloader['sampler'], **changed}} if changed else dataloader

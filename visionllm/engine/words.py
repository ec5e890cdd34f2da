"""Teach image tokens to be words before the language model is asked about them.

The head's projector is trained to turn a token into the embedding of the object's name, and the connector's objectness
to tell things from ground. The language model is not run, so a step costs no more than looking at the pictures.
"""

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from torch.optim import AdamW

from visionllm.models.visionllm import ground_truth


@HOOKS.register_module()
class TeachWords(Hook):
    """Before a new training run, train the head's projector and the objectness on names.

    Args:
        steps: Number of batches.
        lr: Learning rate, falling to zero.
    """

    priority = 'LOWEST'

    def __init__(self, steps: int = 600, lr: float = 2e-3):
        self.steps, self.lr = steps, lr

    def before_train(self, runner) -> None:
        if runner.iter > 0:
            return  # resumed
        model = runner.model
        model.train()  # a fresh backbone would otherwise normalise with, and overwrite, its batch statistics
        trained = [*model.head.parameters(), *model.connector.objectness_branches.parameters()]
        wrapper = OptimWrapper(AdamW(trained, lr=self.lr, weight_decay=0.01), clip_grad=dict(max_norm=1.0))
        # a loader of its own: an infinite sampler cannot be started twice
        batches = iter(runner.build_dataloader(runner.cfg.train_dataloader, seed=runner.seed))
        seen = []
        for step in range(self.steps):
            for group in wrapper.optimizer.param_groups:
                group['lr'] = self.lr * (1 - step / self.steps)
            data = model.data_preprocessor(next(batches), training=True)
            losses = self._losses(model, data['inputs'], data['data_samples'])
            wrapper.update_params(sum(value for name, value in losses.items() if name.startswith('loss')))
            seen.append(float(losses['acc_name']) if 'acc_name' in losses else 0.0)
            if (step + 1) % 50 == 0:
                print_log(f'Words: step {step + 1}, nearest name right {sum(seen[-50:]) / 50:.1f} %', 'current')
        torch.nn.Module.zero_grad(model)

    @staticmethod
    def _losses(model, inputs, samples) -> dict:
        boxes, labels = ground_truth(samples)
        layers = model.look(inputs, samples)
        pairs = model.connector.match(layers[-1], boxes)
        return (model.connector.loss(layers, boxes)
                | model.head.name_loss(model.llm, list(samples[0].text), layers[-1], pairs, labels))

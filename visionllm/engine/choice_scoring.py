"""Multiple choice by likelihood, as in the evaluation harnesses of language models: beside what a model writes freely,
which of an asked sample's ``choices`` is the most likely answer.
"""

from itertools import compress

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook

from visionllm.models.samples import get_instruction

from .distributed import unwrapped


@HOOKS.register_module()
class ChoiceScoring(Hook):
    """Give the samples of a test batch that have ``choices`` their ``pred_choice``, for ``AnswerMetric``.

    The head ``text`` of the model is an ``InterleavedTextHead``.
    """

    @torch.no_grad()
    def before_test_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Choose, before the model answers freely."""
        model = unwrapped(runner.model)
        data = model.data_preprocessor(data_batch, False)
        tokens = model.extract_tokens(data['inputs'], data['data_samples'])[-1]
        has_choices = ['choices' in sample for sample in data_batch['data_samples']]
        asked = list(compress(data_batch['data_samples'], has_choices))
        chosen = model.heads['text'].choose(model.llm, [get_instruction(each) for each in data['data_samples']], tokens,
                                            [sample.choices for sample in asked])
        for sample, choice in zip(asked, chosen):
            sample.set_metainfo(dict(pred_choice=choice))

    before_val_iter = before_test_iter

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
    """Give the samples of a test batch that have ``choices`` the ``choice_log_probs`` of these, and the most likely one
    as ``pred_choice``, for ``CandidateBoxMetric`` and ``AnswerMetric``.

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
        log_probs = model.heads['text'].choice_log_probs(
            model.llm, [get_instruction(each) for each in data['data_samples']], tokens,
            [sample.choices for sample in asked])
        for sample, own in zip(asked, log_probs):
            sample.set_metainfo(dict(choice_log_probs=own, pred_choice=sample.choices[own.index(max(own))]))

    before_val_iter = before_test_iter

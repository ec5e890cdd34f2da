"""Multiple choice by likelihood, as in the evaluation harnesses of language models: beside what a model writes freely,
which of an asked sample's ``choices`` is the most likely answer.
"""

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner

from visionllm.errors import ConfigError
from visionllm.language.documents import parse_chunk
from visionllm.models.samples import get_instruction

from .distributed import unwrapped


@HOOKS.register_module()
class ChoiceScoring(Hook):
    """Give the asked samples of a test batch the ``choice_log_probs`` of their ``choices``, and the most likely one as
    ``pred_choice``, for ``CandidateBoxMetric`` and ``AnswerMetric``.

    The head ``text`` of the model is an ``InterleavedTextHead``.
    """

    @torch.no_grad()
    def before_test_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Choose, before the model answers freely.

        Raises:
            ConfigError: An asked sample has no choices.
        """
        asked = [sample for sample in data_batch['data_samples'] if parse_chunk(sample.instruction).is_open]
        if not all('choices' in sample for sample in asked):
            raise ConfigError('ChoiceScoring needs the choices of each asked sample, and one has none: leave it out of '
                              'default_hooks, or use a dataset with choices, such as SceneEpisodes.')
        model = unwrapped(runner.model)
        data = model.data_preprocessor(data_batch, False)
        log_probs = model.heads['text'].choice_log_probs(
            model.llm, [get_instruction(sample) for sample in data['data_samples']],
            model.extract_tokens(data['inputs'], data['data_samples'])[-1], [sample.choices for sample in asked])
        for sample, own in zip(asked, log_probs):
            sample.set_metainfo(dict(choice_log_probs=own, pred_choice=sample.choices[own.index(max(own))]))

    before_val_iter = before_test_iter

"""Keypoint localization: the keypoint branch learns where named points lie on an RoI crop; the language model is not
run."""

from mmdet.registry import TASK_UTILS
from torch import nn

from visionllm.errors import ConfigError
from visionllm.models.samples import build_target, get_instruction
from visionllm.structures import LossTerm

from .mask_prediction import matched_tokens
from .stage import PretrainingStage


@TASK_UTILS.register_module()
class KeypointLocalization(PretrainingStage):
    """Train the keypoint branch of the tuples' head on batches that ask for points by name.

    Arguments as of ``PretrainingStage``.
    """

    logged = ('loss_loc', 'loss_box')

    def check(self, model: nn.Module) -> None:
        prior = model.heads['tuples'].coordinates.location_prior
        if prior is None or prior.keypoint_branch is None or 'roi' not in model.refiners:
            raise ConfigError('KeypointLocalization trains the keypoint branch on RoI crops: set keypoint_branch in '
                              'model.heads.tuples.coordinates.location_prior, and roi in model.refiners.')

    def parts(self, model: nn.Module) -> list[nn.Module]:
        """The keypoint branch."""
        return [model.heads['tuples'].coordinates.location_prior.keypoint_branch]

    def losses(self, model: nn.Module, batch: dict) -> dict[str, LossTerm]:
        """Location losses of all matched tokens."""
        data = model.data_preprocessor(batch, training=True)
        samples = data['data_samples']
        targets = [build_target(sample) for sample in samples]
        tokens = matched_tokens(model, data, targets)
        points, matches = ([getattr(target, key) for target in targets] for key in ('points', 'matches'))
        return model.heads['tuples'].coordinates.prior_loss(
            model.llm, get_instruction(samples[0]).output_format, tokens, points, matches)

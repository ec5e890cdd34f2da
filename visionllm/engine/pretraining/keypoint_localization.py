"""Keypoint localization: the keypoint branch learns where named points lie on an RoI crop; the language model is not
run."""

from mmdet.registry import TASK_UTILS
from torch import nn

from visionllm.models.samples import build_target, get_instruction
from visionllm.structures import LossTerm

from .roi_branch import RoIBranchStage, matched_tokens


@TASK_UTILS.register_module()
class KeypointLocalization(RoIBranchStage):
    """Train the keypoint branch of the tuples' head on batches that ask for points by name.

    Arguments as of ``PretrainingStage``.
    """

    logged = ('loss_loc', 'loss_box')
    branch = 'keypoint_branch'

    def losses(self, model: nn.Module, batch: dict) -> dict[str, LossTerm]:
        """Location losses of all matched tokens."""
        data = model.data_preprocessor(batch, training=True)
        samples = data['data_samples']
        targets = [build_target(sample) for sample in samples]
        tokens = matched_tokens(model, data, targets)
        points, matches = ([getattr(target, key) for target in targets] for key in ('points', 'matches'))
        return model.heads['tuples'].coordinates.prior_loss(
            model.llm, get_instruction(samples[0]).output_format, tokens, points, matches)

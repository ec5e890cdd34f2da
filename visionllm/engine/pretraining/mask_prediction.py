"""Mask prediction: the mask branch learns which pixels of an RoI crop belong to the object; the language model is not
run."""

from mmdet.registry import TASK_UTILS
from torch import nn

from visionllm.models.samples import build_target
from visionllm.structures import LossTerm

from .roi_branch import RoIBranchStage, matched_tokens


@TASK_UTILS.register_module()
class MaskPrediction(RoIBranchStage):
    """Train the mask branch of the tuples' head on objects' contours.

    Arguments as of ``PretrainingStage``.
    """

    logged = ('loss_mask', )
    branch = 'mask_branch'

    def losses(self, model: nn.Module, batch: dict) -> dict[str, LossTerm]:
        """Mask loss of all matched tokens."""
        data = model.data_preprocessor(batch, training=True)
        targets = [build_target(sample) for sample in data['data_samples']]
        tokens = matched_tokens(model, data, targets)
        contours, matches = ([getattr(target, key) for target in targets] for key in ('contours', 'matches'))
        prior = model.heads['tuples'].coordinates.location_prior
        return prior.mask_loss(tokens, contours, matches, tokens.objectness.shape[1])

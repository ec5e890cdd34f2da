"""Mask prediction: the mask branch learns which pixels of an RoI crop belong to the object; the language model is not
run."""

import torch
from mmdet.registry import TASK_UTILS
from torch import nn

from visionllm.errors import ConfigError
from visionllm.models.heads.sampling import pad_indices
from visionllm.models.samples import build_target
from visionllm.structures import ImageTokens, LossTerm, Target

from .stage import PretrainingStage


@TASK_UTILS.register_module()
class MaskPrediction(PretrainingStage):
    """Train the mask branch of the tuples' head on objects' contours.

    Arguments as of ``PretrainingStage``.
    """

    logged = ('loss_mask', )

    def check(self, model: nn.Module) -> None:
        prior = model.heads['tuples'].coordinates.location_prior
        if prior is None or prior.mask_branch is None or 'roi' not in model.refiners:
            raise ConfigError('MaskPrediction trains the mask branch on RoI crops: set mask_branch in '
                              'model.heads.tuples.coordinates.location_prior, and roi in model.refiners.')

    def parts(self, model: nn.Module) -> list[nn.Module]:
        """The mask branch."""
        return [model.heads['tuples'].coordinates.location_prior.mask_branch]

    def losses(self, model: nn.Module, batch: dict) -> dict[str, LossTerm]:
        """Mask loss of all matched tokens."""
        data = model.data_preprocessor(batch, training=True)
        targets = [build_target(sample) for sample in data['data_samples']]
        tokens = matched_tokens(model, data, targets)
        contours, matches = ([getattr(target, key) for target in targets] for key in ('contours', 'matches'))
        prior = model.heads['tuples'].coordinates.location_prior
        return prior.mask_loss(tokens, contours, matches, tokens.objectness.shape[1])


@torch.no_grad()
def matched_tokens(model: nn.Module, data: dict, targets: list[Target]) -> ImageTokens:
    """The image tokens that are matched to an object, padded, after RoI refinement of these alone. Sets
    ``target.matches``."""
    layers, pixel_mask = model.run_connector(data['inputs'], data['data_samples'])
    model.connector_loss(layers[-1:], targets)
    matched, _ = pad_indices([target.matches[0] for target in targets])
    for target in targets:
        objects = target.matches[1]
        target.matches = torch.arange(len(objects), device=objects.device), objects
    model.refiners['roi'].eval()
    return model.refiners['roi'](layers[-1].gather(matched), data['inputs'], pixel_mask)

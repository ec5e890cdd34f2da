"""What the stages share that train a branch of the location prior on RoI crops of matched tokens."""

import torch
from torch import nn

from visionllm.errors import ConfigError
from visionllm.models.heads.sampling import pad_indices
from visionllm.structures import ImageTokens, Target

from .stage import PretrainingStage


class RoIBranchStage(PretrainingStage):
    """Trains one branch of the tuples' head; arguments as of ``PretrainingStage``."""

    branch: str  # attribute of ``LocationPrior``

    def check(self, model: nn.Module) -> None:
        prior = model.heads['tuples'].coordinates.location_prior
        if getattr(prior, self.branch, None) is None or 'roi' not in model.refiners:
            raise ConfigError(f'{type(self).__name__} trains the {self.branch.replace("_", " ")} on RoI crops: set '
                              f'{self.branch} in model.heads.tuples.coordinates.location_prior, and roi in '
                              'model.refiners.')

    def parts(self, model: nn.Module) -> list[nn.Module]:
        """The branch."""
        return [getattr(model.heads['tuples'].coordinates.location_prior, self.branch)]


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

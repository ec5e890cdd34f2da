"""Mask prediction: the mask branch learns which pixels of an RoI crop belong to the object; the language model is not
run.

Dimensions: B images, G objects of the image with most.
"""

import torch
from mmdet.registry import TASK_UTILS
from torch import Tensor, nn
from torch.distributions import Laplace
from torch.nn.utils.rnn import pad_sequence

from visionllm.errors import ConfigError
from visionllm.models.samples import batch_pixel_mask, build_target
from visionllm.structures import ImageTokens, LossTerm, Target

from .roi_branch import RoIBranchStage, matched_tokens

OBJECTS_PER_IMAGE = 8
CENTER_ERROR, SIDE_ERROR = 0.06, 0.12  # mean errors of detectors' boxes in sides of a box, of those with an IoU of 0.5


@TASK_UTILS.register_module()
class MaskPrediction(RoIBranchStage):
    """Train the mask branch of the tuples' head on objects' contours.

    Args:
        name, steps, lr, dataset_weights, batch_size: As of ``PretrainingStage``.
        boxes: ``matched`` for the image tokens that are matched to objects; ``annotated`` for the objects' own boxes
            with a detector's errors, without the tokenizer: for a branch that does not read the tokens' embeddings.
        encoder_lr: Initial learning rate of the branch's encoder; 0 leaves it as it is.

    Raises:
        ConfigError: ``boxes`` is neither.
    """

    logged = ('loss_mask', )
    branch = 'mask_branch'

    def __init__(self, name: str, steps: int, lr: float = 2e-3, dataset_weights: list[float] | None = None,
                 batch_size: int | None = None, boxes: str = 'matched', encoder_lr: float = 0.0):
        super().__init__(name, steps, lr, dataset_weights, batch_size)
        if boxes not in ('matched', 'annotated'):
            raise ConfigError(f'{name}: boxes is {boxes!r}, and must be "matched" or "annotated".')
        self.boxes, self.encoder_lr = boxes, encoder_lr

    def parameter_groups(self, parts: list[nn.Module]) -> list[dict]:
        """The branch's own parameters, and its encoder's."""
        branch, = parts
        encoder = [p for name, p in branch.named_parameters() if name.startswith('encoder.') and p.requires_grad]
        own = [p for name, p in branch.named_parameters() if not name.startswith('encoder.')]
        groups = dict(params=own, initial_lr=self.lr), dict(params=encoder, initial_lr=self.encoder_lr)
        return [group for group in groups if group['params'] and group['initial_lr']]

    def losses(self, model: nn.Module, batch: dict) -> dict[str, LossTerm]:
        """Mask loss of all matched tokens, or of at most ``OBJECTS_PER_IMAGE`` objects of an image."""
        data = model.data_preprocessor(batch, training=True)
        targets = [build_target(sample) for sample in data['data_samples']]
        if self.boxes == 'matched':
            tokens = matched_tokens(model, data, targets)
            limit = tokens.objectness.shape[1]
        else:
            tokens, limit = annotated_tokens(model, data, targets), OBJECTS_PER_IMAGE
        contours, matches = ([getattr(target, key) for target in targets] for key in ('contours', 'matches'))
        prior = model.heads['tuples'].coordinates.location_prior
        return prior.mask_loss(tokens, contours, matches, limit)


@torch.no_grad()
def annotated_tokens(model: nn.Module, data: dict, targets: list[Target]) -> ImageTokens:
    """Image tokens ``[B, G]`` without embeddings at boxes of the objects, with errors, padded. Sets
    ``target.matches``."""
    boxes = pad_sequence([with_detection_errors(target.boxes) for target in targets], batch_first=True)
    for target in targets:
        objects = torch.arange(len(target.boxes), device=boxes.device)
        target.matches = objects, objects
    tokens = ImageTokens(boxes.new_zeros(*boxes.shape[:2], model.connector.embed_dims), boxes, boxes[..., 0])
    pixel_mask = batch_pixel_mask(data['inputs'], data['data_samples'])
    model.refiners['roi'].eval()
    return model.refiners['roi'](tokens, data['inputs'], pixel_mask)


def with_detection_errors(boxes: Tensor) -> Tensor:
    """Boxes ``float[G, 4]`` (cxcywh) as a detector finds them: its errors have a Laplace distribution, most of them
    small and some large."""
    scale = boxes.new_tensor([CENTER_ERROR, CENTER_ERROR, SIDE_ERROR, SIDE_ERROR])
    errors = Laplace(torch.zeros_like(scale), scale).sample(boxes.shape[:1])
    return (boxes + errors * boxes[:, 2:].repeat(1, 2)).clamp(0.001, 1)

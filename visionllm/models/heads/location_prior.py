"""Prior over the location tokens from the image tokenizer (an addition to the paper).

A tuple's coordinates start where the tokenizer, or a branch on the RoI crops, already has them; the language model's
location logits are added to that.

Dimensions: B images, n tokens of each, q coordinates, P points of an annotated contour, S side of a mask in pixels.
"""

import torch
from mmdet.registry import MODELS
from torch import Tensor, nn

from visionllm.language import OutputFormat
from visionllm.language.quantizer import offsets_to_bins
from visionllm.language.vocabulary import NUM_LOCATION_TOKENS
from visionllm.structures import ImageTokens, LossTerm

from ..llms import CausalLM
from .keypoint_branch import embed_point_names, keypoint_offsets
from .mask_branch import mask_losses, mask_scores
from .proposal_points import proposal_points
from .sampling import sample_annotated_matches

Matches = list[tuple[Tensor, Tensor]]  # of each image: indices of tokens, and of the objects matched to them


@MODELS.register_module()
class LocationPrior(nn.Module):
    """A Gaussian over the location tokens around the tokenizer's box corners, polygon points or keypoints.

    Args:
        channels: Of the image tokens' features.
        token_channels: Of the image tokens.
        llm_width: Of the language model.
        mask_branch: Config of ``MaskBranch`` or ``UNetMaskBranch``: polygons are cut out of masks; None takes the
            tokenizer's contours, or ellipses in the boxes.
        keypoint_branch: Config of ``KeypointBranch``; None starts keypoints at the box's center.
    """

    def __init__(self, channels: int, token_channels: int, llm_width: int, mask_branch: dict | None = None,
                 keypoint_branch: dict | None = None):
        super().__init__()
        self.log_sigma = nn.Parameter(torch.tensor([4.0, 24.0]).log())  # bins, of box corners and of polygon points
        self.keypoint_branch = MODELS.build(
            {**keypoint_branch, 'channels': channels, 'llm_width': llm_width}) if keypoint_branch else None
        self.mask_branch = MODELS.build({**mask_branch, 'token_channels': token_channels}) if mask_branch else None

    def forward(self, llm: CausalLM, tokens: ImageTokens, output_format: OutputFormat) -> tuple[Tensor, Tensor | None]:
        """Logits ``float[B, n, q, 1025]``; and ``float[B, n]``, scores of the masks that polygons are cut out of, None
        where there are no masks."""
        masks = self._masks(tokens, output_format)
        if output_format.has_point_names:
            offsets, sigma = keypoint_offsets(tokens, embed_point_names(llm, output_format), self.keypoint_branch)
        else:
            points = proposal_points(tokens, output_format.num_points, masks)
            offsets = points - tokens.centers[:, :, None].detach()
            sigma = self.log_sigma[format_kind(output_format)].exp()
        bins = offsets_to_bins(offsets.flatten(-2))[..., None]
        grid = torch.arange(NUM_LOCATION_TOKENS, device=bins.device)
        return -0.5 * ((grid - bins) / sigma)**2, None if masks is None else mask_scores(masks)

    @torch.no_grad()
    def _masks(self, tokens: ImageTokens, output_format: OutputFormat) -> Tensor | None:
        """Logits ``float[B, n, S, S]`` on the RoI crops, without gradient: masks are trained by their own loss."""
        if self.mask_branch is None or not output_format.is_polygon:
            return None
        return self.mask_branch(tokens.detach())

    def mask_loss(self, tokens: ImageTokens, gt_contours: list[Tensor], matches: Matches,
                  limit: int) -> dict[str, LossTerm]:
        """Mask loss of at most ``limit`` matched tokens per image whose object has a contour ``float[P, 2]``.

        Args:
            gt_contours: ``float[G, P, 2]`` of each image's G objects.
        """
        selected, has_object, contours = sample_annotated_matches(matches, gt_contours, limit)
        if not has_object.any():
            return dict(loss_mask=LossTerm(tokens.boxes.new_zeros(()), 0))
        tokens = tokens.gather(selected)
        return mask_losses(self.mask_branch(tokens)[has_object], tokens.roi_crops.boxes[has_object], contours)


def format_kind(output_format: OutputFormat) -> int:
    """0 for boxes, 1 for polygons and keypoints: index of parameters that are learned separately."""
    return int(not output_format.is_box)

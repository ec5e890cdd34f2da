"""Coordinates of tuples out of the language model, all in one pass (paper, section 3.3).

Dimensions: B images, M image tokens, n selected tuples, q coordinates, N points, E width of the language model.
"""

from collections.abc import Callable

import torch
from mmdet.registry import MODELS
from torch import Tensor, nn

from visionllm.language import OutputFormat
from visionllm.structures import ImageTokens, LossTerm
from visionllm.structures.tokens import gather_tokens

from ..fusion import coordinate_pass_layout, fits_in_class_pass
from ..llms import CausalLM
from ..token_features import token_features
from .class_pass import ClassPassOutput
from .keypoint_branch import coordinate_embeddings
from .location_losses import location_losses
from .location_prior import Matches, format_kind
from .query_embedding import QueryEmbedding
from .sampling import sample_annotated_matches


@MODELS.register_module()
class ParallelCoordinates(nn.Module):
    """Location logits of all coordinates at once: output format as query.

    Args:
        channels: Of the image tokens' features.
        token_channels: Of the image tokens.
        llm_width: E.
        location_prior: Config of ``LocationPrior``; None as in the paper. With a prior the language model's logits
            for boxes start at zero, and open as they help.
        soft_bin_sigma: Width of the location target in bins; 0 is the paper's hard cross-entropy.
        box_loss_weight: Of L1 + GIoU on the expected points (an addition to the paper); 0 for none.
        point_scale: Initial scale of the language model's logits for polygons. 0 where it is not trained on locations.
    """

    def __init__(self, channels: int, token_channels: int, llm_width: int, location_prior: dict | None = None,
                 soft_bin_sigma: float = 4.0, box_loss_weight: float = 1.0, point_scale: float = 0.1):
        super().__init__()
        self.soft_bin_sigma, self.box_loss_weight = soft_bin_sigma, box_loss_weight
        # of boxes, of other points
        self.scale = nn.Parameter(torch.tensor([0.0 if location_prior else 0.1, point_scale]))
        sizes = dict(channels=channels, token_channels=token_channels, llm_width=llm_width)
        self.location_prior = MODELS.build({**location_prior, **sizes}) if location_prior else None

    def supports(self, output_format: OutputFormat) -> bool:
        """Whether anything tells where the points of a format are: of keypoints a branch, or the language model."""
        if not output_format.has_point_names or self.location_prior is None:
            return True
        return self.location_prior.keypoint_branch is not None or bool(self.scale[1] > 0)

    def fit_in_class_pass(self, output_format: OutputFormat, tokens: ImageTokens) -> bool:
        """Whether the coordinates of all tuples are so few that they are decoded in the pass of the classes."""
        return fits_in_class_pass(tokens.objectness, len(output_format.coordinate_tokens))

    def forward(self, llm: CausalLM, query_embedding: QueryEmbedding, output_format: OutputFormat,
                class_pass: ClassPassOutput, selected: Tensor) -> tuple[Tensor, Tensor | None]:
        """Location logits ``float[B, n, q, 1025]`` of the tuples of image tokens ``int[B, n]``; and ``float[B, n]``,
        scores of the masks that polygons are cut out of, None where there are no masks."""
        tokens = class_pass.tokens.gather(selected)
        if not self.uses_language_model(output_format):
            return self.prior(llm, tokens, output_format)
        if class_pass.coordinate_states.shape[2]:
            states = gather_tokens(class_pass.coordinate_states, selected)
        else:
            queries = query_embedding(token_features(tokens), coordinate_embeddings(llm, output_format))
            layout = coordinate_pass_layout(class_pass.shared_mask, selected, queries.shape[2])
            states = llm(queries.flatten(1, 2), class_pass.prefix, *layout)[0].unflatten(1, queries.shape[1:3])
        prior, mask_scores = self.prior(llm, tokens, output_format)
        return self.location_logits(llm, states, output_format) + prior, mask_scores

    def uses_language_model(self, output_format: OutputFormat) -> bool:
        """Whether the language model's logits count, now or in training: not while their scale is zero and frozen."""
        scale = self.scale[format_kind(output_format)]
        return output_format.has_point_names or bool(scale != 0) or scale.requires_grad and torch.is_grad_enabled()

    def location_logits(self, llm: CausalLM, states: Tensor, output_format: OutputFormat) -> Tensor:
        """Scaled logits ``float[..., 1025]`` of hidden states ``float[..., E]``."""
        scale = self.scale[format_kind(output_format)]
        if output_format.has_point_names and self.location_prior and self.location_prior.keypoint_branch:
            scale = self.location_prior.keypoint_branch.location_scale
        return scale * (states @ llm.location_embeddings().T)

    def prior(self, llm: CausalLM, tokens: ImageTokens, output_format: OutputFormat) -> tuple[Tensor, Tensor | None]:
        """Logits ``float[B, n, q, 1025]`` of the prior and ``float[B, n]``, scores of masks, or None; zero,
        ``float[1]``, and None without a prior."""
        if self.location_prior is None:
            return tokens.boxes.new_zeros(1), None
        return self.location_prior(llm, tokens, output_format)

    def loss(self, decode: Callable[[Tensor], tuple[Tensor, Tensor | None]], output_format: OutputFormat,
             tokens: ImageTokens, gt_points: list[Tensor], matches: Matches, limit: int) -> dict[str, LossTerm]:
        """Losses of the points of matched tuples; objects without a known point are left out.

        Args:
            decode: From tokens ``int[B, n]`` to what ``forward`` returns: location logits ``float[B, n, q, 1025]``, and
                scores of masks.
            gt_points: ``float[G, N, 2]`` in [0, 1] of each image's G objects, NaN where unknown.
            limit: At most that many tuples per image.
        """
        selected, has_object, points = sample_annotated_matches(matches, gt_points, limit)
        logits = decode(selected)[0][has_object]  # [m, q, 1025]
        if len(logits) == 0:
            return dict(loss_loc=LossTerm(logits.sum(), 0), loss_box=LossTerm(logits.sum(), 0))
        centers = gather_tokens(tokens.centers, selected)[has_object]
        return location_losses(logits, centers, points, output_format, self.soft_bin_sigma, self.box_loss_weight)

    def prior_loss(self, llm: CausalLM, output_format: OutputFormat, tokens: ImageTokens, gt_points: list[Tensor],
                   matches: Matches) -> dict[str, LossTerm]:
        """Losses of the prior alone, for all matched tokens; the language model is not run.

        Args:
            gt_points: ``float[G, N, 2]`` in [0, 1] of each image's G objects.
        """
        def decode(selected):
            return self.prior(llm, tokens.gather(selected), output_format)
        return self.loss(decode, output_format, tokens, gt_points, matches, tokens.objectness.shape[1])

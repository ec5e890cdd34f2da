"""Detections of a published detector in the prompt (an addition to the paper): what there is, how many, where, and what
it looks like.

    two  person  left  [height and appearance]  right  [height and appearance]  one  dog  ..  [cell of the image] x 16

Numbers and names are the language model's own words. Places are mixed of its words for them, so that "where" is
answered by copying; boxes and appearance are projected.

Dimensions: B images, M image tokens, K classes of the detector, F channels of the image features, E width of the
language model.
"""

from collections import defaultdict

import torch
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps
from torch import Tensor, nn

from visionllm.errors import ConfigError
from visionllm.language import Instruction
from visionllm.language.english import NUMBERS
from visionllm.structures import ImageTokens, LossTerm, Target

from ..box_position_embedding import BOX_EMBEDDING_CHANNELS, embed_box_positions
from ..heads.sampling import pad_indices

ACROSS, UPRIGHT = ('left', 'middle', 'right'), ('top', 'middle', 'bottom')
SAME_OBJECT_IOU, OTHER_CLASS_IOU = 0.6, 0.8  # from which on a worse detection of the same or another class is left out


@MODELS.register_module()
class DetectionPrompt(nn.Module):
    """Confident detections by class, the largest first, and a grid of what the image looks like.

    Args:
        token_channels: Unused; every image prompt is given them.
        llm_width: E.
        feature_channels: F.
        score_thr: Of a detection; the best of an image is always there.
        max_objects: At most that many detections of an image.
        grid_size: Cells of the grid.
    """

    def __init__(self, token_channels: int, llm_width: int, feature_channels: int, score_thr: float = 0.3,
                 max_objects: int = 16, grid_size: int = 16):
        super().__init__()
        self.score_thr, self.max_objects = score_thr, max_objects
        self.box_projector = nn.Linear(BOX_EMBEDDING_CHANNELS, llm_width)
        self.appearance_projector = nn.Sequential(nn.LayerNorm(feature_channels),
                                                  nn.Linear(feature_channels, llm_width))
        for layer in (self.box_projector, self.appearance_projector[-1]):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.grid_projector = nn.Sequential(nn.LayerNorm(feature_channels), nn.Linear(feature_channels, llm_width))
        self.grid_position = nn.Parameter(torch.zeros(grid_size, llm_width))

    def forward(self, llm: nn.Module, instructions: list[Instruction], tokens: ImageTokens,
                targets: list[Target] | None = None) -> list[Tensor]:
        """Input embeddings ``float[n, E]`` of each image.

        Raises:
            ConfigError: The tokens have no class scores, or there are no image features.
        """
        if tokens.class_logits is None or tokens.image_features is None:
            raise ConfigError('DetectionPrompt reads the class scores of a published detector and what an encoder sees '
                              'in the image: it needs DetectorTokenizer as the connector, and RoIEncoder in '
                              'model.refiners.')
        scores = tokens.class_logits.sigmoid()
        chosen = [self.select_objects(*each) for each in zip(scores, tokens.boxes)]
        index, _ = pad_indices(chosen)
        features = tokens.gather(index).image_features.compute()
        words = llm.embed_names([f' {name}' for name in tokens.class_names]).detach()  # [K, E]
        numbers, across, upright = (llm.embed_names([f' {word}' for word in each]).detach()
                                    for each in (NUMBERS, ACROSS, UPRIGHT))
        grids = self.grid_projector(features.grid) + self.grid_position
        prompts = []
        for b, kept in enumerate(chosen):
            own, boxes = scores[b, kept], tokens.boxes[b, kept].detach()
            appearance = self.appearance_projector(features.tokens[b, :len(kept)])
            heights = mix_words(upright, boxes[:, 1]) + self.box_projector(embed_box_positions(boxes)) + appearance
            objects = torch.stack([mix_words(across, boxes[:, 0]), heights], 1)  # [n, 2, E]
            parts = []
            for members in group_by_class(own, boxes):
                shares = own[members].square()
                word = (shares / shares.sum(1, keepdim=True)).mean(0) @ words
                parts += [numbers[[min(len(members), len(numbers) - 1)]], word[None], objects[members].flatten(0, 1)]
            prompts.append(torch.cat([*parts, grids[b]]))
        return prompts

    @torch.no_grad()
    def select_objects(self, scores: Tensor, boxes: Tensor) -> Tensor:
        """Indices ``int[n]`` of confident tokens, best first, without worse ones at the same place.

        Args:
            scores: ``float[M, K]``.
            boxes: ``float[M, 4]`` cxcywh.
        """
        best, label = scores.max(1)
        corners = bbox_cxcywh_to_xyxy(boxes)
        overlaps = bbox_overlaps(corners, corners)
        limit = torch.where(label[:, None] == label, SAME_OBJECT_IOU, OTHER_CLASS_IOU)
        kept: list[int] = []
        for index in best.argsort(descending=True).tolist():
            if kept and (best[index] < self.score_thr or len(kept) == self.max_objects):
                break
            if not (overlaps[index, kept] > limit[index, kept]).any():
                kept.append(index)
        return torch.tensor(kept, device=boxes.device)

    def alignment_loss(self, llm: nn.Module, tokens: ImageTokens, targets: list[Target]) -> dict[str, LossTerm]:
        """No loss of its own."""
        return {}


def mix_words(words: Tensor, positions: Tensor) -> Tensor:
    """Embeddings ``float[n, E]`` of positions ``float[n]`` in [0, 1], interpolated between those of three words.

    Args:
        words: ``float[3, E]``, of the first, the second and the last third.
    """
    centers = positions.new_tensor([1 / 6, 1 / 2, 5 / 6])
    weights = (1 - 3 * (positions[:, None].clamp(1 / 6, 5 / 6) - centers).abs()).clamp(min=0)
    return weights @ words


def group_by_class(scores: Tensor, boxes: Tensor) -> list[list[int]]:
    """Indices of the detections of each class from left to right; the class with the largest detection first.

    Args:
        scores: ``float[n, K]``.
        boxes: ``float[n, 4]`` cxcywh.
    """
    groups = defaultdict(list)
    for index, label in enumerate(scores.argmax(1).tolist()):
        groups[label].append(index)
    areas, lefts = boxes[:, 2:].prod(1).tolist(), boxes[:, 0].tolist()
    ordered = sorted(groups.values(), key=lambda members: -max(areas[i] for i in members))
    return [sorted(members, key=lambda i: lefts[i]) for members in ordered]

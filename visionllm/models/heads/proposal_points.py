"""Points of the tokenizer's own boxes, contours or masks: the starting point of every decoded tuple."""

import numpy as np
import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from numpy.typing import NDArray
from torch import Tensor

from visionllm.structures import ImageTokens
from visionllm.structures.contours import boxes_to_ellipses
from visionllm.structures.polygons import Contour, canonical_start, mask_logits_to_contour, resample_polygon


@torch.no_grad()
def proposal_points(tokens: ImageTokens, count: int, masks: Tensor | None = None) -> Tensor:
    """``count`` points of each token, ``float[B, M, count, 2]`` in [0, 1].

    Two points are the corners of the box. More are a polygon: of the mask where one is given and not empty, else of the
    token's contour, else of the ellipse in its box.

    Args:
        masks: Logits ``float[B, M, S, S]`` on the tokens' RoI crops.
    """
    if count == 2:
        return bbox_cxcywh_to_xyxy(tokens.boxes).unflatten(-1, (2, 2))
    contours = _to_numpy(tokens.contours if tokens.contours.shape[2] else boxes_to_ellipses(tokens.boxes, count))
    if masks is not None:
        crops = zip(contours, _to_numpy(masks), _to_numpy(tokens.roi_crops.boxes))
        contours = [_contour_of_mask(mask, box, fallback=contour) for contour, mask, box in crops]
    points = [canonical_start(resample_polygon(contour, count)) for contour in contours]
    return torch.from_numpy(np.stack(points)).to(tokens.boxes).unflatten(0, tokens.boxes.shape[:2])


def _contour_of_mask(mask: NDArray, box: NDArray, fallback: Contour) -> Contour:
    """The contour of a mask on a crop (cxcywh), in the image; ``fallback`` where the mask is empty."""
    contour = mask_logits_to_contour(mask)
    return fallback if contour is None else box[:2] + (contour - 0.5) * box[2:]


def _to_numpy(values: Tensor) -> NDArray[np.float64]:
    """Images and tokens flattened: ``float[B * M, ...]``."""
    return values.flatten(0, 1).cpu().double().numpy()

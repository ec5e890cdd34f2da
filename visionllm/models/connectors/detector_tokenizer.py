"""Image tokens out of any published detector: its detections, with what it knows of each.

Dimensions: B images, H x W the padded input, M image tokens, C channels, N text tokens, G objects of an image.
"""

import numpy as np
import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from visionllm.errors import ConfigError
from visionllm.structures import Detections, ImageTokens, LossTerm, TextFeatures
from visionllm.structures.detections import pad_detections

from ..image_cache import ImageCache
from ..matching import hungarian_match
from ..pixels import real_pixels

Matches = list[tuple[Tensor, Tensor]]  # of each image: indices of tokens, and of the objects matched to them


@MODELS.register_module()
class DetectorTokenizer(BaseModule):
    """The M detections with the highest objectness of a frozen detector.

    Args:
        detector: Config of a ``PublishedDetector``.
        num_tokens: M.
        text_width: Channels of the text features, for a detector that they guide (``guided``).
        guided: Let the text guide the detector (paper, section 3.2).
        cached_images: Number of images whose detections are kept in memory, so that an epoch costs only what is
            trained; not with guidance, which changes them.

    Raises:
        ConfigError: ``guided``, and the detector cannot be.
    """

    def __init__(self, detector: dict, num_tokens: int = 100, text_width: int = 0, guided: bool = False,
                 cached_images: int = 32):
        super().__init__()
        if guided and not MODELS.get(detector['type']).supports_guidance:
            raise ConfigError(f'{detector["type"]} cannot be guided by text: leave guided out.')
        guidance = dict(text_width=text_width) if guided else {}
        self.detector = MODELS.build({**detector, **guidance})
        self.num_tokens, self.guided = num_tokens, guided
        self.embed_dims = self.detector.embed_dims
        self.cache = ImageCache(0 if guided else cached_images)

    def forward(self, features: tuple[Tensor], pixel_mask: Tensor, text: TextFeatures) -> list[ImageTokens]:
        """Tokens of the only layer.

        Args:
            features: The images alone: RGB, padded, ``uint8[B, 3, H, W]`` or ``float`` in [0, 1].
            pixel_mask: ``bool[B, H, W]``, True = real pixel.
            text: Guiding text; ``N = 0`` for none.
        """
        images = real_pixels(features[0], pixel_mask)
        detections = self._detect_guided(images, text) if self.guided else self._detect_cached(images)
        detections = detections.to(pixel_mask.device)
        return [ImageTokens(detections.embeddings, detections.boxes, detections.objectness,
                            class_logits=detections.class_logits, class_names=self.detector.class_names)]

    def _detect_guided(self, images: list[np.ndarray], text: TextFeatures) -> Detections:
        return self.detector(images, text).top(self.num_tokens)

    @torch.no_grad()
    def _detect_cached(self, images: list[np.ndarray]) -> Detections:
        return pad_detections(self.cache.get_or_compute(images, self._detect))

    def _detect(self, images: list[np.ndarray]) -> list[Detections]:
        """Of each image."""
        detections = self.detector(images).top(self.num_tokens)
        return [detections.select(b) for b in range(len(images))]

    def loss(self, layers: list[ImageTokens], gt_boxes: list[Tensor],
             gt_contours: list[Tensor]) -> tuple[dict[str, LossTerm], Matches]:
        """No losses: a published detector is not trained. The class-agnostic matching to objects.

        Args:
            layers: What ``forward`` returned.
            gt_boxes: ``float[G, 4]`` cxcywh in [0, 1] of each image.
            gt_contours: ``float[G, P, 2]``; unused.
        """
        tokens = layers[-1]
        return {}, [hungarian_match(-tokens.objectness[b].sigmoid()[:, None].expand(-1, len(boxes)), tokens.boxes[b],
                                    boxes) for b, boxes in enumerate(gt_boxes)]

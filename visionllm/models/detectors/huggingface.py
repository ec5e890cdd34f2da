"""DETR-like detectors of transformers: ``AutoModelForObjectDetection``.

Dimensions: B images, M queries, K classes, C channels, N text tokens.
"""

import json

import numpy as np
import torch
from mmdet.registry import MODELS
from torch import Tensor
from transformers import AutoImageProcessor, AutoModelForObjectDetection

from visionllm.errors import ConfigError
from visionllm.structures import Detections, TextFeatures
from visionllm.structures.detections import log_odds

from ..connectors.language_guided import TextGuidance
from ..freezing import exclude_frozen_parameters
from ..huggingface import PretrainedError, load_model, pretrained_kwargs, translated_errors
from .hashing import hash_module
from .published import PublishedDetector

NO_CLASS = 'N/A'  # ids that COCO never used


@MODELS.register_module()
class TransformersDetector(PublishedDetector):
    """Queries of the decoder: last hidden states, boxes and class logits.

    Args:
        source: Hub id or folder.
        revision: Of the hub id; None for the newest.
        text_width: D of the guiding text; 0 for no guidance. The text enters between the detector's encoder and
            decoder by cross-attention (paper, section 3.2), and changes nothing before it is trained.
        random_config: Changes to the source's config; the weights are random then (tests). None loads the weights.

    Raises:
        PretrainedError: The source was not found, or is no detector.
        ConfigError: Guidance of a model that has no encoder.
    """

    supports_guidance = True

    def __init__(self, source: str, revision: str | None = None, text_width: int = 0,
                 random_config: dict | None = None):
        settings = dict(revision=revision) if revision else {}
        model = load_model(AutoModelForObjectDetection, source, 'a detector of transformers, such as a DETR',
                           torch.float32, random_config, settings)
        if not hasattr(model.config, 'num_queries'):
            raise PretrainedError(f'{source} is a {type(model).__name__}, which has no queries; expected a DETR-like '
                                  'detector.')
        labels = [model.config.id2label[k] for k in range(model.config.num_labels)]
        super().__init__(source, [name for name in labels if name != NO_CLASS], revision)
        with translated_errors(source, 'an image processor beside it, preprocessor_config.json'):
            self.processor = AutoImageProcessor.from_pretrained(**pretrained_kwargs(source), **settings)
        self.detector = model.requires_grad_(False)
        self.revision = revision or getattr(model.config, '_commit_hash', None)
        self.columns = [k for k, name in enumerate(labels) if name != NO_CLASS]
        self.embed_dims = getattr(model.config, 'd_model', None) or model.config.hidden_size
        exclude_frozen_parameters(self.detector)
        self.guidance = self._add_guidance(text_width) if text_width else None

    def _add_guidance(self, text_width: int) -> TextGuidance:
        encoder = getattr(self.detector.model, 'encoder', None)
        if encoder is None:
            raise ConfigError(f'{self.source} has no encoder that a text could guide: leave text_width out.')
        self._text = None
        encoder.register_forward_hook(self._guide)
        channels = getattr(self.detector.config, 'encoder_hidden_dim', self.embed_dims)  # of the RT-DETR family
        return TextGuidance(channels, text_width, num_heads=8)

    def _guide(self, encoder, arguments, output):
        """Forward hook of the encoder: cross-attention of its states, or of each of its maps, to the text."""
        if self._text is not None:
            name, states = next(iter(output.items()))  # last_hidden_state, or feature_maps
            output[name] = [self._guide_map(each) for each in states] if isinstance(
                states, (list, tuple)) else self.guidance(states, self._text)
        return output

    def _guide_map(self, feature_map: Tensor) -> Tensor:
        """Of ``float[B, C, h, w]``."""
        pixels = self.guidance(feature_map.flatten(2).transpose(1, 2), self._text)
        return pixels.transpose(1, 2).unflatten(-1, feature_map.shape[-2:])

    def forward(self, images: list[np.ndarray], text: TextFeatures | None = None) -> Detections:
        """Detections of ``uint8[H, W, 3]`` RGB images, guided by a text ``float[B, N, D]`` or not."""
        inputs = self.processor(images=images, return_tensors='pt').to(self.detector.device)
        self._text = text if self.guidance is not None else None
        output = self.detector(**inputs)
        self._text = None
        return Detections(output.pred_boxes, self._class_logits(output.logits), output.last_hidden_state)

    def _class_logits(self, logits: Tensor) -> Tensor:
        """Log-odds ``float[B, M, K]`` of class logits, which end in "no object" where a softmax goes over them."""
        if logits.shape[-1] == self.detector.config.num_labels + 1:
            logits = log_odds(logits.softmax(-1))
        return logits[..., self.columns]

    def compute_hash(self) -> str:
        """SHA-256 of the config and the weights, guidance left out."""
        config = self.detector.config.to_diff_dict()
        config.pop('transformers_version')
        return hash_module(self.detector, json.dumps(config, sort_keys=True))

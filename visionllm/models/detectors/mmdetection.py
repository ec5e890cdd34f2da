"""Detectors of MMDetection, by config and checkpoint.

Dimensions: B images, M queries or detections, K classes, C channels.
"""

import json

import cv2
import numpy as np
from mmdet.models.detectors.base_detr import DetectionTransformer
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh
from mmdet.utils import get_test_pipeline_cfg
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from torch import Tensor

from visionllm.errors import ConfigError
from visionllm.structures import Detections
from visionllm.structures.detections import group_by_box, log_odds

from ..checkpoint_loading import load_weights, read_state_dict
from ..freezing import exclude_frozen_parameters
from .hashing import hash_module
from .published import PublishedDetector


@MODELS.register_module()
class MMDetDetector(PublishedDetector):
    """Any detector of MMDetection. Of DETR-like ones the queries of the decoder: last hidden states, boxes and class
    logits; of others the detections after their post-processing, one token per box.

    Args:
        source: Path of its config.
        checkpoint: Path or URL of its weights; None leaves them random (tests).
        label_set: As of ``PublishedDetector``.

    Raises:
        ConfigError: The config cannot be read, or holds no detector.
        CheckpointMismatchError: The weights are of another detector.
    """

    def __init__(self, source: str, checkpoint: str | None, label_set: str | list[str] = 'coco'):
        super().__init__(source, label_set)
        try:
            cfg = Config.fromfile(source)
        except Exception as error:  # a config is code of the user's, which can raise anything
            raise ConfigError(f'{source} is no valid config: {error}.') from None
        if 'model' not in cfg or 'test_dataloader' not in cfg:
            raise ConfigError(f'{source} has no model or no test_dataloader; expected the config of a detector.')
        for part in (cfg.model, cfg.model.get('backbone', {})):
            part.pop('init_cfg', None)
        steps = [step for step in get_test_pipeline_cfg(cfg) if 'Annotations' not in step['type']]
        self.settings = json.dumps([cfg.model.to_dict(), [dict(step) for step in steps]], sort_keys=True, default=str)
        self.detector = MODELS.build(cfg.model)
        if checkpoint:
            load_weights(self.detector, read_state_dict(checkpoint), checkpoint)
        else:
            self.detector.init_weights()
        self.detector.requires_grad_(False)
        self.pipeline = Compose([dict(steps[0], type='mmdet.LoadImageFromNDArray'), *steps[1:]])
        self.has_queries = isinstance(self.detector, DetectionTransformer)
        self.embed_dims = len(self.class_names)
        if self.has_queries:
            self.check_names(self.detector.bbox_head.num_classes)
            self.embed_dims = self.detector.encoder.embed_dims
        exclude_frozen_parameters(self.detector)

    def detect(self, image: np.ndarray) -> Detections:
        """Detections of one ``uint8[H, W, 3]`` RGB image."""
        packed = self.pipeline(dict(img=cv2.cvtColor(image, cv2.COLOR_RGB2BGR), img_id=0))
        batch = self.detector.data_preprocessor(pseudo_collate([packed]), False)
        if self.has_queries:
            return self._queries(batch['inputs'], batch['data_samples'])
        result = self.detector.predict(batch['inputs'], batch['data_samples'])[0].pred_instances
        self.check_labels(result.labels)
        height, width = image.shape[:2]
        boxes = bbox_xyxy_to_cxcywh(result.bboxes / result.bboxes.new_tensor([width, height] * 2))
        return group_by_box(boxes, result.scores, result.labels, len(self.class_names))

    def _queries(self, inputs: Tensor, samples: list) -> Detections:
        """Of a batch of prepared images ``float[B, 3, H, W]``."""
        head = self.detector.bbox_head
        states = self.detector.forward_transformer(self.detector.extract_feat(inputs), samples)
        classes, boxes = head(**states)[:2]
        logits = classes[-1]
        if not head.loss_cls.use_sigmoid:  # the last class is "no object"
            logits = log_odds(logits.softmax(-1)[..., :-1])
        return Detections(boxes[-1], logits, states['hidden_states'][-1])

    def compute_hash(self) -> str:
        """SHA-256 of the config's model and test pipeline, and of the weights."""
        return hash_module(self.detector, self.settings)

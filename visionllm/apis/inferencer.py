"""Inference on images in memory: an instruction in; named boxes, polygons or keypoints, or text, out."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
import torch
from mmdet.datasets.transforms import Resize
from mmdet.structures import DetDataSample
from mmengine.dataset import pseudo_collate
from torch import nn

from visionllm.datasets import LimitLongestEdge
from visionllm.errors import ConfigError
from visionllm.language.instructions import class_names_of
from visionllm.models import FormatQueryHead, InterleavedTextHead, NextTokenHead
from visionllm.thresholds import SCORE_THRESHOLD
from visionllm.visualization import Prediction

from .model_files import ModelConfig


class Inferencer:
    """Runs a model on images.

    Args:
        model: A VisionLLM with its weights.
        scale: As of ``ModelConfig``.
    """

    def __init__(self, model: nn.Module, scale: tuple[int, int] | None):
        self.model = model.eval()
        self.resize = Resize(scale=scale, keep_ratio=True) if scale else LimitLongestEdge()

    @classmethod
    def from_files(cls, config: str, checkpoint: str, device: str = 'cpu') -> 'Inferencer':
        """Build the model of a config and load a checkpoint.

        Args:
            config: Path of the config.
            checkpoint: Path of the checkpoint, ``.pth`` or ``.safetensors``, or ``visionllm://NAME``.
            device: Of the model.

        Raises:
            CheckpointMismatchError: The checkpoint belongs to another config.
            UnsafeCheckpointError: It is damaged, or cannot be loaded without running code from it.
            ConfigError: The test pipeline has no ``Resize``.
        """
        found = ModelConfig.from_config(config)
        return cls(found.build(checkpoint).to(device), found.scale)

    def set_generation(self, num_beams: int | None = None, temperature: float = 0.0) -> None:
        """How answers in text are generated: arguments of ``visionllm.models.llms.generate``; beams as of
        ``NextTokenHead``.

        Raises:
            ConfigError: There is no such number of beams, or no such temperature.
        """
        if num_beams is not None and num_beams < 1 or temperature < 0:
            raise ConfigError(f'num_beams is {num_beams} and temperature {temperature}: expected at least 1, and 0 or '
                              'more.')
        for head in self.model.heads.values():
            if isinstance(head, (NextTokenHead, InterleavedTextHead)):
                head.num_beams, head.temperature = num_beams, temperature

    @contextmanager
    def decoding_from(self, score_thr: float) -> Iterator[None]:
        """Decode no coordinates of objects with lower scores. Of several sentences the scores depend on one another, so
        there all are decoded."""
        heads = [head for head in self.model.heads.values() if isinstance(head, FormatQueryHead)]
        configured = [head.score_thr for head in heads]
        for head in heads:
            head.score_thr = max(head.score_thr, score_thr)
        try:
            yield
        finally:
            for head, each in zip(heads, configured):
                head.score_thr = each

    @torch.no_grad()
    def __call__(self, images: Sequence[np.ndarray], paths: Sequence[str], instruction: str | Sequence[str],
                 score_thr: float | Sequence[float] = SCORE_THRESHOLD) -> list[Prediction]:
        """Predict for a batch of images.

        Args:
            images: ``uint8[H, W, 3]`` each, RGB.
            paths: What the images are called.
            instruction: One sentence, or several that each name a group of the classes, as
                ``TASKS['detection'].write_instructions(names)`` makes them of many names.
            score_thr: Objects with lower scores are left out; one score, or one for each name of the instruction.

        Raises:
            InstructionError: The instruction cannot be parsed, or no head supports its format.
        """
        start = time.perf_counter()
        batch = self.batch(images, paths, instruction)
        with self.decoding_from(float(np.min(score_thr)) if isinstance(instruction, str) else 0.0):
            results = self.model.test_step(batch)
        seconds = (time.perf_counter() - start) / len(images)
        return [Prediction.from_sample(result, image, score_thr, seconds) for result, image in zip(results, images)]

    def batch(self, images: Sequence[np.ndarray], paths: Sequence[str], instruction: str | Sequence[str]) -> dict:
        """Images as the model's ``test_step`` takes them.

        Args:
            images: ``uint8[H, W, 3]`` each, RGB.
            paths: What the images are called.
            instruction: As of ``__call__``.
        """
        names = class_names_of(instruction)
        return pseudo_collate([self._sample(image, path, instruction, names) for image, path in zip(images, paths)])

    def _sample(self, image: np.ndarray, path: str, instruction: str | Sequence[str], names: list[str]) -> dict:
        resized = self.resize(dict(img=image, img_shape=image.shape[:2], scale_factor=(1.0, 1.0)))
        sample = DetDataSample(metainfo=dict(
            img_path=path, ori_shape=image.shape[:2], img_shape=resized['img'].shape[:2],
            scale_factor=resized['scale_factor'], instruction=instruction, text=names))
        bgr = torch.from_numpy(np.stack(cv2.split(resized['img'])[::-1]))
        return dict(inputs=bgr, data_samples=sample)

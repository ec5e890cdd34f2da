"""Inference on image files: an instruction in; named boxes, polygons or keypoints, or text, out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import _load_checkpoint_to_model
from PIL import Image

from visionllm.datasets.images import ImageError, read_image
from visionllm.engine.checkpoint import load_local
from visionllm.errors import CheckpointMismatchError, ConfigError
from visionllm.language import instruction_sentences
from visionllm.language.instructions import class_names_of, format_of
from visionllm.models import NextTokenHead
from visionllm.models.checkpoint_loading import describe_mismatch
from visionllm.models.initialization import weights_follow

__all__ = ['SHIPPED', 'ImageError', 'Inferencer', 'Prediction', 'draw', 'write_predictions']

ROOT = Path(__file__).parents[2]
# config and weights of the models in this repository
SHIPPED = {name: (str(ROOT / f'configs/visionllm/{stem}.py'), str(ROOT / f'weights/{stem}.safetensors'))
           for name, stem in dict(photographs='visionllm_ssd-mobilenet-v2_coco',
                                  scenes='visionllm_nano_scenes-five-tasks').items()}

PALETTE = [(230, 60, 60), (60, 140, 240), (60, 180, 90), (240, 160, 40), (150, 80, 200), (30, 180, 180),
           (240, 110, 180), (120, 120, 120), (160, 110, 50), (100, 100, 255)]


@dataclass
class Prediction:
    """What a model predicts for one image and instruction: n objects, best first, or text.

    Args:
        path: Of the image file.
        instruction: One sentence, or several that each name a group of the classes.
        image: ``uint8[H, W, 3]``, RGB.
        names, scores: Class names and scores of the objects.
        boxes: ``float[n, 4]`` as lists; x1, y1, x2, y2 in pixels.
        points: ``float[n, N, 2]`` as lists; x, y in pixels. The two corners of boxes, the vertices of polygons, or the
            keypoints in the instruction's order.
        text: The answer in text; None for objects.
        text_score: Mean probability of its tokens.
    """
    path: str
    instruction: str | Sequence[str]
    image: np.ndarray
    names: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    boxes: list[list[float]] = field(default_factory=list)
    points: list[list[list[float]]] = field(default_factory=list)
    text: str | None = None
    text_score: float | None = None

    def as_dict(self) -> dict:
        """All but the image, for JSON; scores and coordinates are rounded."""
        prediction = dict(image=self.path, instruction=self.instruction)
        if self.text is not None:
            return prediction | dict(text=self.text, score=round(self.text_score, 4))
        return prediction | dict(objects=[
            dict(name=n, score=round(s, 4), box=np.round(b, 2).tolist(), points=np.round(p, 2).tolist())
            for n, s, b, p in zip(self.names, self.scores, self.boxes, self.points)
        ])

    def best(self) -> 'Prediction':
        """The object with the highest score alone, as for a referring expression."""
        return replace(self, names=self.names[:1], scores=self.scores[:1], boxes=self.boxes[:1], points=self.points[:1])

    def __str__(self) -> str:
        if self.text is not None:
            return self.text
        return ', '.join(f'{n} {s:.2f}' for n, s in zip(self.names, self.scores)) or 'nothing'


class Inferencer:
    """Runs a model on image files.

    Args:
        model: A VisionLLM with its weights.
        scale: Longest and shortest side that images are resized to, in pixels, as in the test pipeline; None for models
            on a published detector, which resizes them itself.
    """

    def __init__(self, model, scale: tuple[int, int] | None):
        self.model = model.eval()
        self.resize = Compose([dict(type='Resize', scale=scale, keep_ratio=True)] if scale else [])

    @classmethod
    def from_files(cls, config: str, checkpoint: str, device: str = 'cpu') -> 'Inferencer':
        """Build the model of a config and load a checkpoint.

        Args:
            config: Path of the config.
            checkpoint: Path of the checkpoint, ``.pth`` or ``.safetensors``.
            device: Of the model.

        Raises:
            CheckpointMismatchError: The checkpoint belongs to another config.
            UnsafeCheckpointError: It is damaged, or cannot be loaded without running code from it.
            ConfigError: The test pipeline has no ``Resize``.
        """
        cfg = Config.fromfile(config)
        init_default_scope(cfg.get('default_scope', 'mmdet'))
        cfg.model.pop('init_cfg', None)
        with weights_follow():
            model = MODELS.build(cfg.model)
        content = load_local(checkpoint, 'cpu')
        try:
            _load_checkpoint_to_model(model, content, strict=True)
        except CheckpointMismatchError:  # of a published detector
            raise
        except RuntimeError:
            mismatch = describe_mismatch(model, content.get('state_dict', content))
            raise CheckpointMismatchError(f'{checkpoint} is a checkpoint of another config than {config}. {mismatch}') \
                from None
        dataset = cfg.test_dataloader.dataset
        steps = dataset.get('datasets', [dataset])[0].pipeline  # of the first task
        scale = next((step['scale'] for step in steps if step['type'] == 'Resize'), None)
        if scale is None and model.backbone is not None:
            raise ConfigError(f'The test pipeline of {config} has no Resize, so the size of its images is unknown.')
        return cls(model.to(device), scale and tuple(scale))

    def set_generation(self, num_beams: int = 1, temperature: float = 0.0) -> None:
        """How answers in text are generated: arguments of ``visionllm.models.llms.generate``.

        Raises:
            ConfigError: There is no such number of beams, or no such temperature.
        """
        if num_beams < 1 or temperature < 0:
            raise ConfigError(f'num_beams is {num_beams} and temperature {temperature}: expected at least 1, and 0 or '
                              'more.')
        for head in self.model.heads.values():
            if isinstance(head, NextTokenHead):
                head.num_beams, head.temperature = num_beams, temperature

    @torch.no_grad()
    def __call__(self, path: str | Path, instruction: str | Sequence[str], score_thr: float = 0.3) -> Prediction:
        """Predict for one image file.

        Args:
            path: Of the image file.
            instruction: One sentence, or several that each name a group of the classes, as
                ``TASKS['detection'].write_instructions(names)`` makes them of many names.
            score_thr: Objects with lower scores are left out.

        Raises:
            InstructionError: The instruction cannot be parsed, or no head supports its format.
            ImageError: The image cannot be read.
        """
        names, output_format = class_names_of(instruction), format_of(instruction)
        image = read_image(path)
        resized = self.resize(dict(img=image[..., ::-1], img_shape=image.shape[:2], ori_shape=image.shape[:2],
                                   scale_factor=(1.0, 1.0)))
        sample = DetDataSample(metainfo=dict(
            img_path=str(path), ori_shape=image.shape[:2], img_shape=resized['img'].shape[:2],
            scale_factor=resized['scale_factor'], instruction=instruction, text=names))
        pixels = torch.from_numpy(np.ascontiguousarray(resized['img'].transpose(2, 0, 1)))
        result = self.model.test_step(pseudo_collate([dict(inputs=pixels, data_samples=sample)]))[0]
        if output_format.is_text:
            return Prediction(str(path), instruction, image, text=result.pred_text, text_score=result.pred_text_score)
        objects = result.pred_instances
        objects = objects[objects.scores >= score_thr]
        return Prediction(str(path), instruction, image, [names[k] for k in objects.labels.tolist()],
                          objects.scores.tolist(), objects.bboxes.tolist(), objects.points.tolist())


def write_predictions(predictions: list[Prediction], folder: Path) -> list[str]:
    """Write a drawing of each prediction and ``answers.json`` into a folder.

    Returns:
        One line of text per prediction.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, prediction in enumerate(predictions):
        target = folder / f'{number:02d}_{Path(prediction.path).stem}.png'
        Image.fromarray(draw(prediction)).save(target)
        lines.append(f'{prediction.path}: {prediction} -> {target}')
    (folder / 'answers.json').write_text(json.dumps([p.as_dict() for p in predictions], indent=1))
    return lines


def draw(prediction: Prediction, min_side: int = 384) -> np.ndarray:
    """Draw boxes, polygons or keypoints with names and scores on the image, and the instruction and text below it.

    Args:
        prediction: What to draw.
        min_side: Images whose shortest side is smaller are enlarged to it, in pixels.

    Returns:
        ``uint8[H, W, 3]``, RGB.
    """
    scale = max(1.0, min_side / min(prediction.image.shape[:2]))
    canvas = np.ascontiguousarray(cv2.resize(prediction.image, None, fx=scale, fy=scale,
                                             interpolation=cv2.INTER_LINEAR))
    class_names, output_format = class_names_of(prediction.instruction), format_of(prediction.instruction)
    objects = zip(prediction.names, prediction.scores, prediction.boxes, prediction.points)
    for name, score, box, points in reversed(list(objects)):  # the best on top
        color = PALETTE[class_names.index(name) % len(PALETTE)]
        x1, y1, x2, y2 = (int(round(v * scale)) for v in box)
        scaled = np.round(np.multiply(points, scale)).astype(np.int32)
        if output_format.has_point_names:
            for point in scaled.tolist():
                cv2.circle(canvas, point, 4, (255, 255, 255), -1, cv2.LINE_AA)
                cv2.circle(canvas, point, 3, color, -1, cv2.LINE_AA)
        elif output_format.is_polygon:
            cv2.polylines(canvas, [scaled], True, color, 2)
        else:
            cv2.rectangle(canvas, (x1, y1), (x2, y2), color, 2)
        label = f'{name} {score:.2f}'
        (width, height), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)
        top = max(y1 - height - 5, 0)
        cv2.rectangle(canvas, (x1, top), (x1 + width + 4, top + height + 5), color, -1)
        cv2.putText(canvas, label, (x1 + 2, top + height + 1), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1,
                    cv2.LINE_AA)
    first, *others = instruction_sentences(prediction.instruction)
    caption = f'{first} (and {len(others)} more sentences)' if others else first
    caption = caption if prediction.text is None else f'{caption} -> {prediction.text}'
    return np.concatenate([canvas, _render_caption(caption, canvas.shape[1])])


def _render_caption(text: str, width: int) -> np.ndarray:
    """Wrapped text on a white strip ``uint8[h, width, 3]``."""
    columns, lines = max(width // 7, 10), ['']
    for word in text.replace('\n', ' ').split(' '):
        if len(lines[-1]) + len(word) + 1 > columns:
            lines.append('')
        lines[-1] = f'{lines[-1]} {word}'.strip()
    strip = np.full((16 * len(lines) + 8, width, 3), 255, np.uint8)
    for number, line in enumerate(lines):
        cv2.putText(strip, line, (4, 16 * (number + 1)), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (30, 30, 30), 1, cv2.LINE_AA)
    return strip

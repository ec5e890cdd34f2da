"""A trained model, a picture and an instruction in; boxes, outlines or points with names, or words, out."""

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
from visionllm.engine.runner import CheckpointMismatchError
from visionllm.language import OutputFormat, parse_instruction, sentences_of
from visionllm.models.published import difference

__all__ = ['SHIPPED', 'Answer', 'ImageError', 'Inferencer', 'draw', 'write_answers']

ROOT = Path(__file__).parents[2]
# config and weights of the model that comes with the project
SHIPPED = (str(ROOT / 'configs/visionllm/visionllm_nano_scenes-five-tasks.py'),
           str(ROOT / 'weights/visionllm_nano_scenes-five-tasks.safetensors'))

PALETTE = [(230, 60, 60), (60, 140, 240), (60, 180, 90), (240, 160, 40), (150, 80, 200), (30, 180, 180),
           (240, 110, 180), (120, 120, 120), (160, 110, 50), (100, 100, 255)]


@dataclass
class Answer:
    """What a model found in a picture, best first, or what it says of it.

    ``points`` holds the corners ``[[x1, y1], [x2, y2]]`` of each box in pixels, as many points of each outline as the
    instruction asked for, or those that it named, in its order.
    """
    path: str
    instruction: str | Sequence[str]
    image: np.ndarray  # uint8[H, W, 3] RGB
    names: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    boxes: list[list[float]] = field(default_factory=list)  # xyxy in pixels
    points: list[list[list[float]]] = field(default_factory=list)
    text: str | None = None

    def as_dict(self) -> dict:
        """JSON-able, without the pixels."""
        answer = dict(image=self.path, instruction=self.instruction)
        if self.text is not None:
            return answer | dict(text=self.text)
        return answer | dict(objects=[
            dict(name=n, score=round(s, 4), box=np.round(b, 2).tolist(), points=np.round(p, 2).tolist())
            for n, s, b, p in zip(self.names, self.scores, self.boxes, self.points)
        ])

    def best(self) -> 'Answer':
        """The likeliest object alone: an expression means one."""
        return replace(self, names=self.names[:1], scores=self.scores[:1], boxes=self.boxes[:1], points=self.points[:1])

    def __str__(self) -> str:
        if self.text is not None:
            return self.text
        return ', '.join(f'{n} {s:.2f}' for n, s in zip(self.names, self.scores)) or 'nothing'


class Inferencer:
    """Answers instructions.

    Args:
        model: A built VisionLLM with its weights, in evaluation mode.
        scale: Longest and shortest side that pictures are resized to, as in the test pipeline.
    """

    def __init__(self, model, scale: tuple[int, int]):
        self.model = model.eval()
        self.resize = Compose([dict(type='Resize', scale=scale, keep_ratio=True)])

    @classmethod
    def from_files(cls, config: str, checkpoint: str, device: str = 'cpu') -> 'Inferencer':
        """Build the model of a config and load a checkpoint into it.

        Raises:
            CheckpointMismatchError: The checkpoint is of another config.
        """
        cfg = Config.fromfile(config)
        init_default_scope(cfg.get('default_scope', 'mmdet'))
        cfg.model.pop('init_cfg', None)
        model = MODELS.build(cfg.model)
        content = load_local(checkpoint, 'cpu')
        try:
            _load_checkpoint_to_model(model, content, strict=True)
        except RuntimeError:
            found = difference(model, content.get('state_dict', content))
            raise CheckpointMismatchError(f'{checkpoint} is a checkpoint of another config than {config}. {found}') \
                from None
        dataset = cfg.test_dataloader.dataset
        steps = dataset.get('datasets', [dataset])[0].pipeline  # of the first task
        scale = next(step['scale'] for step in steps if step['type'] == 'Resize')
        return cls(model.to(device), tuple(scale))

    @torch.no_grad()
    def __call__(self, path: str | Path, instruction: str | Sequence[str], score_thr: float = 0.3) -> Answer:
        """Answer an instruction for a picture file: a sentence, or several that name a group of the classes each, as
        ``TASKS['detection'].orders(names)`` writes them of a thousand names.

        Raises:
            InstructionError: The instruction cannot be carried out.
            ImageError: The picture cannot be read.
        """
        names, output_format = names_in(instruction), format_of(instruction)
        image = read_image(path)
        resized = self.resize(dict(img=image[..., ::-1], img_shape=image.shape[:2], ori_shape=image.shape[:2]))
        sample = DetDataSample(metainfo=dict(
            img_path=str(path), ori_shape=image.shape[:2], img_shape=resized['img'].shape[:2],
            scale_factor=resized['scale_factor'], instruction=instruction, text=names))
        pixels = torch.from_numpy(np.ascontiguousarray(resized['img'].transpose(2, 0, 1)))
        answered = self.model.test_step(pseudo_collate([dict(inputs=pixels, data_samples=sample)]))[0]
        if output_format.is_text:
            return Answer(str(path), instruction, image, text=answered.pred_text)
        result = answered.pred_instances
        kept = result[result.scores >= score_thr]
        return Answer(str(path), instruction, image, [names[k] for k in kept.labels.tolist()], kept.scores.tolist(),
                      kept.bboxes.tolist(), kept.points.tolist())


def write_answers(answers: list[Answer], folder: Path) -> list[str]:
    """Draw each answer into ``folder`` and write all of them to ``answers.json``; returns one line an answer."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, answer in enumerate(answers):
        target = folder / f'{number:02d}_{Path(answer.path).stem}.png'
        Image.fromarray(draw(answer)).save(target)
        lines.append(f'{answer.path}: {answer} -> {target}')
    (folder / 'answers.json').write_text(json.dumps([a.as_dict() for a in answers], indent=1))
    return lines


def draw(answer: Answer, min_side: int = 384) -> np.ndarray:
    """The picture, enlarged if small, with boxes, outlines or dots and names; the instruction below it, and what was
    said (``uint8[H, W, 3]`` RGB)."""
    scale = max(1.0, min_side / min(answer.image.shape[:2]))
    canvas = np.ascontiguousarray(cv2.resize(answer.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR))
    order, output_format = names_in(answer.instruction), format_of(answer.instruction)
    found = zip(answer.names, answer.scores, answer.boxes, answer.points)
    for name, score, box, points in reversed(list(found)):
        colour = PALETTE[order.index(name) % len(PALETTE)]
        x1, y1, x2, y2 = (int(round(v * scale)) for v in box)
        places = np.round(np.multiply(points, scale)).astype(np.int32)
        if output_format.is_named:
            for place in places.tolist():
                cv2.circle(canvas, place, 4, (255, 255, 255), -1, cv2.LINE_AA)
                cv2.circle(canvas, place, 3, colour, -1, cv2.LINE_AA)
        elif output_format.is_outline:
            cv2.polylines(canvas, [places], True, colour, 2)
        else:
            cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, 2)
        label = f'{name} {score:.2f}'
        (width, height), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)
        top = max(y1 - height - 5, 0)
        cv2.rectangle(canvas, (x1, top), (x1 + width + 4, top + height + 5), colour, -1)
        cv2.putText(canvas, label, (x1 + 2, top + height + 1), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1,
                    cv2.LINE_AA)
    first, *others = sentences_of(answer.instruction)
    said = f'{first} (and {len(others)} sentences more)' if others else first
    said = said if answer.text is None else f'{said} -> {answer.text}'
    return np.concatenate([canvas, _caption(said, canvas.shape[1])])


def names_in(instruction: str | Sequence[str]) -> list[str]:
    """The class names of an instruction, of one sentence after the other."""
    return [name for sentence in sentences_of(instruction) for name in parse_instruction(sentence).class_names]


def format_of(instruction: str | Sequence[str]) -> OutputFormat:
    """The output tuple of an instruction, which all of its sentences name."""
    return parse_instruction(sentences_of(instruction)[0]).output_format


def _caption(text: str, width: int) -> np.ndarray:
    """Text wrapped on a white strip of the given width."""
    columns, lines = max(width // 7, 10), ['']
    for word in text.replace('\n', ' ').split(' '):
        if len(lines[-1]) + len(word) + 1 > columns:
            lines.append('')
        lines[-1] = f'{lines[-1]} {word}'.strip()
    strip = np.full((16 * len(lines) + 8, width, 3), 255, np.uint8)
    for number, line in enumerate(lines):
        cv2.putText(strip, line, (4, 16 * (number + 1)), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (30, 30, 30), 1, cv2.LINE_AA)
    return strip

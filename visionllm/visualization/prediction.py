"""What a model answers for one image."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from mmdet.structures import DetDataSample


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

    @classmethod
    def from_sample(cls, sample: DetDataSample, image: np.ndarray, score_thr: float = 0.0) -> 'Prediction':
        """What a model predicted for a sample, with names of its classes (``text``).

        Args:
            sample: With ``pred_instances`` or ``pred_text``, in pixels of the image.
            image: ``uint8[H, W, 3]``, RGB.
            score_thr: Objects with lower scores are left out.
        """
        if 'pred_text' in sample:
            return cls(sample.img_path, sample.instruction, image, text=sample.pred_text,
                       text_score=sample.pred_text_score)
        objects = sample.pred_instances
        objects = objects[objects.scores >= score_thr]
        return cls(sample.img_path, sample.instruction, image, [sample.text[k] for k in objects.labels.tolist()],
                   objects.scores.tolist(), objects.bboxes.tolist(), objects.points.tolist())

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

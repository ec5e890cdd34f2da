"""What a model answers for one image, and the forms in which other tools take it.

Dimensions: H, W height and width in pixels, n objects, N points of an object.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mmdet.structures import DetDataSample
from PIL import Image

from visionllm.errors import UserError
from visionllm.language.instructions import class_names_of, format_of
from visionllm.structures.boxes import to_xywh

from .drawing import draw

if TYPE_CHECKING:
    import pandas
    import supervision


class MissingPackageError(UserError, ImportError):
    """A package that is not needed elsewhere is not installed."""


@dataclass
class Prediction:
    """What a model predicts for one image and instruction: n objects, best first, or text.

    Args:
        path: Of the image file, or what the image is called.
        instruction: One sentence, or several that each name a group of the classes.
        image: ``uint8[H, W, 3]``, RGB.
        names: Class names of the objects, as they were written.
        scores: Of the objects.
        boxes: ``float[n, 4]`` as lists; x1, y1, x2, y2 in pixels.
        points: ``float[n, N, 2]`` as lists; x, y in pixels. The two corners of boxes, the vertices of polygons, or the
            keypoints in the instruction's order.
        text: The answer in text; None for objects.
        text_score: Mean probability of its tokens.
        seconds: Time that the answer took; of images of one batch, each the same share.
    """
    path: str
    instruction: str | Sequence[str]
    image: np.ndarray = field(repr=False)
    names: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    boxes: list[list[float]] = field(default_factory=list)
    points: list[list[list[float]]] = field(default_factory=list)
    text: str | None = None
    text_score: float | None = None
    seconds: float = 0.0

    @classmethod
    def from_sample(cls, sample: DetDataSample, image: np.ndarray, score_thr: float | Sequence[float] = 0.0,
                    seconds: float = 0.0) -> 'Prediction':
        """What a model predicted for a sample, with names of its classes (``text``).

        Args:
            sample: With ``pred_instances`` or ``pred_text``, in pixels of the image.
            image: ``uint8[H, W, 3]``, RGB.
            score_thr: Objects with lower scores are left out; one score, or one for each of the sample's names.
            seconds: Time that the answer took.
        """
        if 'pred_text' in sample:
            return cls(sample.img_path, sample.instruction, image, text=sample.pred_text,
                       text_score=sample.pred_text_score, seconds=seconds)
        objects = sample.pred_instances
        lowest = objects.scores.new_tensor(score_thr).expand(len(sample.text))
        objects = objects[objects.scores >= lowest[objects.labels]]
        return cls(sample.img_path, sample.instruction, image, [sample.text[k] for k in objects.labels.tolist()],
                   objects.scores.tolist(), objects.bboxes.tolist(), objects.points.tolist(), seconds=seconds)

    def __len__(self) -> int:
        return len(self.names)

    def __str__(self) -> str:
        if self.text is not None:
            return self.text
        return ', '.join(f'{n} {s:.2f}' for n, s in zip(self.names, self.scores)) or 'nothing'

    @property
    def class_names(self) -> list[str]:
        """The names that were asked for, found or not."""
        return class_names_of(self.instruction)

    @property
    def polygons(self) -> list[list[list[float]]] | None:
        """``float[n, N, 2]`` as lists, where polygons were asked for; else None."""
        return self.points if format_of(self.instruction).is_polygon else None

    @property
    def keypoints(self) -> list[dict[str, list[float]]] | None:
        """Of each object the keypoints by name, x and y in pixels, where they were asked for; else None."""
        names = format_of(self.instruction).point_names
        return [dict(zip(names, points)) for points in self.points] if names else None

    def best(self) -> 'Prediction':
        """The object with the highest score alone, as for a referring expression."""
        return replace(self, names=self.names[:1], scores=self.scores[:1], boxes=self.boxes[:1], points=self.points[:1])

    def as_dict(self) -> dict:
        """All but the image, for JSON; scores and coordinates are rounded."""
        prediction = dict(image=self.path, instruction=self.instruction)
        if self.text is not None:
            return prediction | dict(text=self.text, score=round(self.text_score, 4))
        return prediction | dict(objects=[
            dict(name=n, score=round(s, 4), box=np.round(b, 2).tolist(), points=np.round(p, 2).tolist())
            for n, s, b, p in zip(self.names, self.scores, self.boxes, self.points)
        ])

    def to_json(self) -> str:
        """``as_dict`` on one line of JSON."""
        return json.dumps(self.as_dict(), ensure_ascii=False)

    def to_coco(self, image_id: int = 1, first_id: int = 1) -> dict:
        """COCO's layout: ``images``, ``categories`` (all names that were asked for) and ``annotations`` with ``score``.

        Args:
            image_id: Of the image.
            first_id: Of the first annotation; the others are counted from it.
        """
        height, width = self.image.shape[:2]
        ids = {name: number for number, name in enumerate(self.class_names, 1)}
        annotations = []
        for number, (name, score, box) in enumerate(zip(self.names, self.scores, self.boxes)):
            bbox = to_xywh(box)
            annotations.append(dict(id=first_id + number, image_id=image_id, category_id=ids[name], score=score,
                                    bbox=bbox, area=bbox[2] * bbox[3], iscrowd=0))
            if self.polygons is not None:
                annotations[-1]['segmentation'] = [[value for point in self.points[number] for value in point]]
        return dict(images=[dict(id=image_id, file_name=self.path, width=width, height=height)],
                    categories=[dict(id=number, name=name) for name, number in ids.items()], annotations=annotations)

    def to_supervision(self) -> 'supervision.Detections':
        """Detections of the package supervision, with ``class_name`` in ``data``, and masks of polygons.

        Raises:
            MissingPackageError: It is not installed.
        """
        try:
            import supervision
        except ImportError:
            raise MissingPackageError('to_supervision needs the package supervision: pip install supervision.') \
                from None
        height, width = self.image.shape[:2]
        masks = None
        if self.polygons:
            masks = np.stack([supervision.polygon_to_mask(np.round(polygon).astype(int), (width, height))
                              for polygon in self.polygons]).astype(bool)
        names = self.class_names
        return supervision.Detections(
            xyxy=np.array(self.boxes, np.float32).reshape(-1, 4), mask=masks,
            confidence=np.array(self.scores, np.float32), class_id=np.array([names.index(n) for n in self.names], int),
            data=dict(class_name=np.array(self.names, dtype=str)))

    def to_dataframe(self) -> 'pandas.DataFrame':
        """A row an object: ``image``, ``name``, ``score``, ``x1``, ``y1``, ``x2``, ``y2``.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise MissingPackageError('to_dataframe needs the package pandas: pip install pandas.') from None
        rows = [(self.path, name, score, *box) for name, score, box in zip(self.names, self.scores, self.boxes)]
        return pandas.DataFrame(rows, columns=['image', 'name', 'score', 'x1', 'y1', 'x2', 'y2'])

    def plot(self) -> Image.Image:
        """The image with the objects, and the instruction and text below it."""
        return Image.fromarray(draw(self))

    def save(self, path: str | Path) -> None:
        """Write ``plot()`` into an image file.

        Args:
            path: Of the file; its folder is made if it does not exist.
        """
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.plot().save(path)

    def crop(self) -> list[Image.Image]:
        """The part of the image in the box of each object, at least one pixel."""
        image = Image.fromarray(self.image)
        crops = []
        for x1, y1, x2, y2 in self.boxes:
            left, top = min(max(int(x1), 0), image.width - 1), min(max(int(y1), 0), image.height - 1)
            crops.append(image.crop((left, top, max(left + 1, min(round(x2), image.width)),
                                     max(top + 1, min(round(y2), image.height)))))
        return crops

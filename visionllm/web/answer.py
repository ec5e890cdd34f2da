"""An answer as the page shows it: small enough to be kept for each user, and filtered without the model.

Dimensions: H, W height and width of the page's image in pixels.
"""

import json
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from visionllm.visualization import Prediction
from visionllm.visualization.drawing import PALETTE

PAGE_SIDE = 1024  # pixels of the longest side, as it is shown and downloaded as PNG
SHOWN_OBJECTS = 30  # a mask of the size of the image is sent to the browser for each
FILL, OUTLINE = 0.15, 1.0  # opacity of a mask
OUTLINE_WIDTH = 3  # pixels


@dataclass(frozen=True)
class Answer:
    """A prediction with its image shrunk to the page, and its full coordinates in the forms that can be downloaded.

    Args:
        prediction: In pixels of the page's image.
        coco: ``Prediction.to_coco`` in pixels of the picture; an annotation an object, in the same order.
        content: ``Prediction.as_dict`` in pixels of the picture.
        threshold: Score from which on objects are shown at first.
    """
    prediction: Prediction
    coco: dict
    content: dict
    threshold: float

    @classmethod
    def of(cls, prediction: Prediction, threshold: float) -> 'Answer':
        """The answer of a prediction at the size of its picture."""
        return cls(_shrink(prediction), prediction.to_coco(), prediction.as_dict(), threshold)

    @property
    def names(self) -> list[str]:
        """Names that were found, in the order of the question."""
        return [name for name in self.prediction.class_names if name in self.prediction.names]

    def select(self, names: list[str], min_score: float) -> 'Answer':
        """The objects of these names with at least this score; of a text all."""
        if self.prediction.text is not None:
            return self
        kept = [k for k, (name, score) in enumerate(zip(self.prediction.names, self.prediction.scores))
                if name in names and score >= min_score]
        objects = {key: [getattr(self.prediction, key)[k] for k in kept] for key in ('names', 'scores', 'boxes',
                                                                                     'points')}
        return replace(self, prediction=replace(self.prediction, **objects),
                       coco=self.coco | dict(annotations=[self.coco['annotations'][k] for k in kept]),
                       content=self.content | dict(objects=[self.content['objects'][k] for k in kept]))

    def write(self) -> str:
        """The text, or the tuples as JSON, an object a line."""
        if self.prediction.text is not None:
            return self.prediction.text
        return '[' + ',\n '.join(json.dumps(each, ensure_ascii=False) for each in self.content['objects']) + ']'

    def annotations(self) -> list[tuple[np.ndarray, str]]:
        """A mask and a label of each of the best objects, ``float[H, W]`` in [0, 1]."""
        prediction = self.prediction
        labels = [f'{name} {score:.2f}' for name, score in zip(prediction.names, prediction.scores)]
        return [(self._mask(k), label) for k, label in enumerate(labels[:SHOWN_OBJECTS])]

    def colors(self) -> dict[str, str]:
        """The colour of each label, as the drawing has it."""
        prediction, names = self.prediction, self.prediction.class_names
        return {f'{name} {score:.2f}': '#{:02x}{:02x}{:02x}'.format(*PALETTE[names.index(name) % len(PALETTE)])
                for name, score in zip(prediction.names, prediction.scores)}

    def _mask(self, k: int) -> np.ndarray:
        prediction = self.prediction
        height, width = prediction.image.shape[:2]
        mask = Image.new('L', (width, height))
        canvas = ImageDraw.Draw(mask)
        fill, outline = round(255 * FILL), round(255 * OUTLINE)
        if prediction.keypoints is not None:
            for x, y in prediction.points[k]:
                canvas.circle((x, y), 2 * OUTLINE_WIDTH, outline)
        elif prediction.polygons is not None:
            canvas.polygon([tuple(point) for point in prediction.points[k]], fill, outline, OUTLINE_WIDTH)
        else:
            canvas.rectangle(tuple(prediction.boxes[k]), fill, outline, OUTLINE_WIDTH)
        return np.asarray(mask, np.float16) / 255


def _shrink(prediction: Prediction) -> Prediction:
    """The prediction with its image, and what is in it, shrunk to the page."""
    height, width = prediction.image.shape[:2]
    scale = min(1.0, PAGE_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = np.asarray(Image.fromarray(prediction.image).resize(size, Image.Resampling.BILINEAR))
    return replace(prediction, image=image, boxes=[[scale * value for value in box] for box in prediction.boxes],
                   points=[[[scale * value for value in point] for point in points] for points in prediction.points])

"""Called and answering as transformers' ``pipeline('zero-shot-object-detection')``, with one pass for all labels."""

from collections.abc import Sequence

from .model import VisionLLM


class ZeroShotObjectDetection:
    """Takes the place of that pipeline in existing code.

    Args:
        model: As of ``VisionLLM``, or one that is loaded.
        device: As of ``VisionLLM``.
    """

    def __init__(self, model: str | VisionLLM = 'photo', device: str | None = None):
        self.model = model if isinstance(model, VisionLLM) else VisionLLM(model, device=device)

    def __call__(self, image: object, candidate_labels: str | Sequence[str] | None = None, threshold: float = 0.1,
                 top_k: int | None = None) -> list:
        """Detect.

        Args:
            image: A path, URL or PIL image; or a list of ``dict(image=..., candidate_labels=...)``.
            candidate_labels: Names, or one string with commas between them.
            threshold: Minimum score.
            top_k: At most that many boxes, the best; all if None.

        Returns:
            ``dict(score, label, box=dict(xmin, ymin, xmax, ymax))`` of each box, best first, in whole pixels; of a list
            of images a list of these.

        Raises:
            InstructionError: There is no label, or one is invalid.
        """
        if isinstance(image, list):
            return [self(each['image'], each['candidate_labels'], threshold, top_k) for each in image]
        labels = candidate_labels.split(',') if isinstance(candidate_labels, str) else list(candidate_labels or ())
        prediction, = self.model.predict(image, classes=[label.strip() for label in labels], threshold=threshold)
        found = zip(prediction.scores, prediction.names, prediction.boxes)
        return [dict(score=score, label=name, box=dict(zip(('xmin', 'ymin', 'xmax', 'ymax'), map(int, box))))
                for score, name, box in list(found)[:top_k]]

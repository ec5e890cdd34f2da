"""``VisionLLM``: a model by name, folder or hub id, and everything that is done with it in Python."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal, overload

from .coco import write_coco
from .request import Request, RequestError
from .sources import Frame, count_frames, read_frames

if TYPE_CHECKING:
    from visionllm.visualization import Prediction

BATCH_SIZE = 8


class VisionLLM:
    """A model that finds what is named, describes and answers.

    Args:
        model: A shipped model (``photo``, ``scenes``), a folder that ``save_pretrained`` wrote, an id on the Hugging
            Face hub, or a config of MMDetection (``.py``).
        checkpoint: Weights of a config, ``.pth`` or ``.safetensors``.
        device: ``cpu``, ``cuda`` ...; None for a GPU where there is one.

    Raises:
        ModelNotFoundError: There is no such model.
        ConfigError: There is no such device.
        CheckpointMismatchError: The checkpoint belongs to another config.
        UnsafeCheckpointError: It is damaged, or cannot be loaded without running code from it.
    """

    def __init__(self, model: str | Path = 'photo', checkpoint: str | Path | None = None, device: str | None = None):
        import torch

        from visionllm.apis.inferencer import Inferencer

        from .model_source import check_device, find_model
        self.name = str(model)
        self.device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        check_device(self.device)
        self.config, weights = find_model(model, checkpoint)
        self.inferencer = Inferencer(self.config.build(weights).to(self.device), self.config.scale)
        self._lock = Lock()  # caches are of one thread at a time

    @classmethod
    def from_pretrained(cls, model: str | Path, device: str | None = None) -> 'VisionLLM':
        """The same as the constructor, by the name that users of transformers know."""
        return cls(model, device=device)

    @overload
    def predict(self, source: object, *, stream: Literal[False] = False, **options: object) -> 'list[Prediction]': ...

    @overload
    def predict(self, source: object, *, stream: Literal[True], **options: object) -> 'Iterator[Prediction]': ...

    def predict(self, source: object, *, classes: Sequence[str] | None = None, expression: str | None = None,
                question: str | None = None, caption: bool = False, instruction: str | Sequence[str] | None = None,
                points: int | None = None, parts: Sequence[str] | None = None,
                threshold: float | Mapping[str, float] | None = None, batch_size: int = BATCH_SIZE,
                stream: bool = False, progress: bool | None = None,
                unreadable: list[str] | None = None) -> 'list[Prediction] | Iterator[Prediction]':
        """Answer for all images of a source. One of ``classes``, ``expression``, ``question``, ``caption`` and
        ``instruction`` says what is asked.

        Args:
            source: A path, folder, pattern, URL, video, ``webcam``, PIL image, array, tensor, or a list of these
                (``visionllm.inference.sources``).
            classes: Names of things to find, any number, in one pass.
            expression: A referring expression; the answer is one object, or none where nothing fits.
            question: To answer in text.
            caption: Describe the image in a sentence.
            instruction: A sentence of your own with class map, output format and ``<image>``.
            points: With ``classes``: polygons of that many points instead of boxes.
            parts: With ``classes``: keypoints of these names instead of boxes.
            threshold: Objects with lower scores are left out; 0.3 if None, and 0.05 for an expression. Or a score for
                each name, ``{'cat': 0.4}``, as ``visionllm test --report`` finds them; 0.3 for the others.
            batch_size: Images that are computed together.
            stream: Return an iterator that yields predictions as they come, for videos and large folders.
            progress: Show a progress bar; if None, for more than one batch in a terminal.
            unreadable: Messages about images that cannot be read are added to this list, and the others are answered.
                Without it the first one is raised.

        Returns:
            A prediction for each image.

        Raises:
            RequestError: Not exactly one thing is asked, a threshold is not a number from 0 to 1, or batches are empty.
            InstructionError: Names, points or the instruction are invalid, or the model has no such output.
            SourceError: There is no such source, or no image in it.
            ImageError: An image cannot be read.
        """
        if batch_size < 1:
            raise RequestError(f'batch_size is {batch_size}: expected at least 1.')
        request = Request(classes, expression, question, caption, instruction, points, parts)
        instructions, threshold = request.write(), request.threshold(threshold)
        predictions = self._predict(read_frames(source, unreadable), instructions, threshold, batch_size)
        if request.asks_for_one:
            predictions = (prediction.best() for prediction in predictions)
        predictions = _with_progress(predictions, count_frames(source), batch_size, progress)
        return predictions if stream else list(predictions)

    __call__ = predict

    def label(self, source: object, out: str | Path, classes: Sequence[str], points: int | None = None,
              threshold: float | None = None, batch_size: int = BATCH_SIZE, unreadable: list[str] | None = None) -> int:
        """Label the images of a folder, to train another model on: a COCO annotation file, with scores.

        Args:
            source: As of ``predict``.
            out: JSON file to write.
            classes: Names of things to label.
            points: Polygons of that many points; boxes alone if None.
            threshold: Objects with lower scores are left out; 0.3 if None.
            batch_size: Images that are computed together.
            unreadable: As of ``predict``.

        Returns:
            How many objects were found.
        """
        predictions = self.predict(source, classes=classes, points=points, threshold=threshold, batch_size=batch_size,
                                   stream=True, unreadable=unreadable)
        return sum(len(prediction) for prediction in write_coco(predictions, out))

    def _predict(self, frames: Iterator[Frame], instruction: str | Sequence[str],
                 threshold: float | list[float], batch_size: int) -> 'Iterator[Prediction]':
        while batch := list(islice(frames, batch_size)):
            images, paths = ([getattr(frame, name) for frame in batch] for name in ('image', 'path'))
            with self._lock:
                predictions = self.inferencer(images, paths, instruction, threshold)
            yield from predictions

    def set_generation(self, num_beams: int | None = None, temperature: float = 0.0) -> None:
        """How answers in text are generated.

        Args:
            num_beams: Hypotheses of a beam search; 1 for the likeliest next word each time; None for 5 in captions by
                a published detector's model, of which the best that its detections bear out is taken, and 1 elsewhere.
            temperature: Of sampling; 0 for none.

        Raises:
            ConfigError: There is no such number of beams, or no such temperature.
        """
        self.inferencer.set_generation(num_beams, temperature)

    def save_pretrained(self, folder: str | Path, note: str = '') -> None:
        """Write ``config.json``, ``model.safetensors`` and a model card, as ``VisionLLM(folder)`` reads them.

        Args:
            folder: Made if it does not exist.
            note: How the weights were made, stored with them: command, data, seed, time.
        """
        self._save(folder, Path(folder).absolute().name, note)

    def _save(self, folder: str | Path, name: str, note: str = '') -> None:
        """As ``save_pretrained``, with the name that the card says."""
        from .model_card import write_card
        network = self.inferencer.model
        self.config.save(folder, network, write_card(name, self.config.model, network), dict(note=note))

    def export_onnx(self, folder: str | Path, classes: Sequence[str]) -> Path:
        """Write ``model.onnx``, which takes a picture and a vocabulary and needs neither PyTorch nor a language model,
        and ``vocabulary.npz`` of these names. Of models on a published detector.

        Args:
            folder: Made if it does not exist.
            classes: Names of things to find, at most 80.

        Returns:
            The path of ``model.onnx``.

        Raises:
            ExportError: The model cannot be exported, there are too many names, or a package is not installed.
            InstructionError: A name is invalid.
        """
        from visionllm.apis.onnx_export import export_onnx
        return export_onnx(self.inferencer.model, folder, classes)

    def write_vocabulary(self, file: str | Path, classes: Sequence[str]) -> None:
        """Write a vocabulary of other names for the ``model.onnx`` of this model.

        Args:
            file: ``.npz`` file.
            classes: Names of things to find, at most 80.

        Raises:
            ExportError: The model reads no vocabulary, or there are too many names.
            InstructionError: A name is invalid.
        """
        from visionllm.apis.onnx_export import Vocabulary
        Vocabulary.read(self.inferencer.model, classes).save(file)

    def push_to_hub(self, repo_id: str, private: bool = False, token: str | None = None) -> str:
        """Upload what ``save_pretrained`` writes to the Hugging Face hub.

        Args:
            repo_id: ``OWNER/NAME``; made if it does not exist.
            private: Whether a new one is private.
            token: Of the hub; the one of ``hf auth login`` if None.

        Returns:
            The address of the commit.

        Raises:
            HubError: The hub was not reached, or did not take it.
        """
        import tempfile

        from .hub import upload
        with tempfile.TemporaryDirectory() as folder:
            self._save(folder, repo_id)
            return upload(folder, repo_id, private, token)

    def __repr__(self) -> str:
        return f'VisionLLM({self.name!r}, device={self.device!r})'


def _with_progress(predictions: 'Iterator[Prediction]', count: int | None, batch_size: int,
                   progress: bool | None) -> 'Iterator[Prediction]':
    """A progress bar on standard error; for None where that is a terminal, and it takes more than a batch."""
    if progress is False or progress is None and count is not None and count <= batch_size:
        return predictions
    from tqdm import tqdm
    return iter(tqdm(predictions, total=count, unit='image', disable=None if progress is None else False))

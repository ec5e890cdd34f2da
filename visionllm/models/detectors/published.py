"""Published detectors as they are: frozen, never copied into a checkpoint, and recognized by their hash.

Dimensions: H x W of an image, K classes.
"""

import json
from collections.abc import Sequence
from functools import cached_property
from itertools import zip_longest

import numpy as np
import torch
from mmengine.model import BaseModule
from torch import Tensor

from visionllm.errors import CheckpointMismatchError, ConfigError
from visionllm.structures import Detections, TextFeatures
from visionllm.structures.detections import pad_detections

from ..freezing import keep_frozen_in_eval
from .label_sets import read_label_set


class PublishedDetector(BaseModule):
    """Base of all adapters: images in, ``Detections`` out.

    Its state is its identity: source, revision, SHA-256 and class names. A checkpoint holds that in place of the
    weights, and loading one that was made with another detector is an error.

    Args:
        source: Of the detector, as the config names it.
        label_set: Names of the classes, in the order of the detector's class scores, or the name of a set of
            ``label_sets``.
        revision: Of a source on the Hugging Face hub.

    Attributes:
        embed_dims: Channels of the embeddings.
        supports_guidance: Whether text can guide it.
    """

    embed_dims: int
    supports_guidance = False

    def __init__(self, source: str, label_set: str | list[str], revision: str | None = None):
        super().__init__()
        self.source, self.revision = source, revision
        self.class_names = read_label_set(label_set)

    def forward(self, images: list[np.ndarray], text: TextFeatures | None = None) -> Detections:
        """Detections of ``uint8[H, W, 3]`` RGB images, prepared as the detector was trained.

        Args:
            text: Guiding text ``float[B, N, D]``, for detectors that support it; None for none.
        """
        return pad_detections([self.detect(image) for image in images])

    def detect(self, image: np.ndarray) -> Detections:
        """Detections of one ``uint8[H, W, 3]`` RGB image, of a detector without a ``forward`` of its own."""
        raise NotImplementedError

    def compute_hash(self) -> str:
        """SHA-256 of the weights and of what else decides the answers, in hexadecimal digits."""
        raise NotImplementedError

    @cached_property
    def identity(self) -> dict[str, object]:
        """Source, revision, hash and class names, as JSON holds them."""
        return dict(source=self.source, revision=self.revision, sha256=self.compute_hash(),
                    class_names=list(self.class_names))

    def get_extra_state(self) -> Tensor:
        """The identity as ``uint8[n]``: safetensors holds tensors only."""
        return torch.frombuffer(bytearray(json.dumps(self.identity).encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Compare with the identity ``uint8[n]`` that a checkpoint was made with.

        Raises:
            CheckpointMismatchError: It is another one.
        """
        saved = json.loads(bytes(state.cpu().to(torch.uint8).tolist()))
        theirs, ours = saved['class_names'], self.identity['class_names']
        if theirs != ours:
            raise CheckpointMismatchError(
                f'The words were taught with the {_summary(theirs, ours)} of {saved["source"]}, and {self.source} has '
                f'the {_summary(ours, theirs)}: use the detector that the checkpoint names, or train words for this '
                'one.')
        if saved['sha256'] != self.identity['sha256']:
            raise CheckpointMismatchError(
                f'The checkpoint was made with {_describe(saved)}, and this is {_describe(self.identity)}: use the '
                'former, or train words for this one.')

    def init_weights(self) -> None:
        """Nothing: published weights stay as they are."""

    def check_names(self, count: int) -> None:
        """Compare the number of class names with that of the detector's class scores.

        Raises:
            ConfigError: They differ.
        """
        if len(self.class_names) != count:
            raise ConfigError(f'{self.source} has scores for {count} classes, and label_set names '
                              f'{len(self.class_names)}: {_summary(self.class_names)}.')

    def check_labels(self, labels: Tensor) -> None:
        """Compare reported labels ``int[n]`` with the number of class names, where the detector does not tell its own.

        Raises:
            ConfigError: A label has no name.
        """
        highest = max(labels.tolist(), default=-1)
        if highest >= len(self.class_names):
            raise ConfigError(f'{self.source} reports class {highest}, counted from 0, and label_set names '
                              f'{len(self.class_names)}: {_summary(self.class_names)}.')

    def train(self, mode: bool = True) -> 'PublishedDetector':
        """Frozen parts stay in evaluation mode: their batch statistics must not change."""
        super().train(mode)
        keep_frozen_in_eval(self.children())
        return self


def _summary(names: Sequence[str], others: Sequence[str] = ()) -> str:
    """The number of class names and three of them, first those that differ from others."""
    differing = [name for name, other in zip_longest(names, others) if name not in (other, None)]
    shown = list(dict.fromkeys([*differing, *names]))[:3]
    return f'{len(names)} classes {", ".join(shown)}{", ..." if len(names) > len(shown) else ""}'


def _describe(identity: dict) -> str:
    revision = f' at revision {identity["revision"]}' if identity['revision'] else ''
    return f'{identity["source"]}{revision} (SHA-256 {identity["sha256"][:16]}...)'

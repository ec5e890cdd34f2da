"""Episodes: documents of shots and a question, of which the shots alone tell the answer."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from mmengine.dataset import Compose
from torch import Tensor

from .documents import DocumentDataset

Box = tuple[float, float, float, float]  # x, y, width, height in pixels

CONTEXT = 1.3  # side of a crop, by the longer side of its box


class Episode(Protocol):
    """A question behind shots."""

    def with_shots(self, count: int) -> 'Episode':
        """The same question behind the first shots alone."""


class EpisodeDataset(DocumentDataset):
    """Documents of shots and a question, random in training.

    In testing, an episode of fewer shots has the first shots of that of more, and asks the same.

    Args:
        pipeline: MMDetection transforms of each picture.
        num_shots: Numbers of shots. Training draws one of them for each episode; testing asks with each of them.
        num_episodes: Length of the dataset in training; in testing, episodes for each number of shots.
        seed: Of the episodes of testing.
        test_mode: Whether the episodes are the same every time.
    """

    def __init__(self, pipeline: list, num_shots: Sequence[int], num_episodes: int, seed: int, test_mode: bool):
        self.pipeline, self.num_shots, self.num_episodes = Compose(pipeline), tuple(num_shots), num_episodes
        self.seed, self.test_mode = seed, test_mode

    def __len__(self) -> int:
        return self.num_episodes * (len(self.num_shots) if self.test_mode else 1)

    def __getitem__(self, index: int) -> list[dict]:
        """The packed samples of a document, cropped to their ``crop_box``; the last one has ``turns``, ``answer``,
        ``choices`` and ``kind``."""
        if index >= len(self):
            raise IndexError(index)
        if self.test_mode:
            number, shots = divmod(index, len(self.num_shots))
            rng = np.random.default_rng([self.seed, number])
            episode = self.draw(rng, max(self.num_shots)).with_shots(self.num_shots[shots])
        else:
            rng = np.random.default_rng(np.random.randint(2**31, size=4))  # mmengine seeds NumPy's generator
            episode = self.draw(rng, int(rng.choice(self.num_shots)))
        packed = [self.pipeline(sample) for sample in self.samples(episode, rng)]
        for each in packed:
            if each['data_samples'].get('crop_box'):
                crop_sample(each, each['data_samples'].crop_box)
        return packed

    def draw(self, rng: np.random.Generator, num_shots: int) -> Episode:
        """A random episode, whose ``with_shots`` gives it fewer shots."""
        raise NotImplementedError

    def samples(self, episode: Episode, rng: np.random.Generator) -> list[dict]:
        """The samples of an episode, before the pipeline."""
        raise NotImplementedError


def crop_sample(packed: dict, box: Box) -> None:
    """Crop a packed sample to the square around a box."""
    packed['inputs'] = crop(packed['inputs'], box)
    packed['data_samples'].set_metainfo(dict(img_shape=tuple(packed['inputs'].shape[1:])))


def crop(image: Tensor, box: Box) -> Tensor:
    """The square around a box, as far as it is in the picture: ``uint8[3, h, w]`` of ``uint8[3, H, W]``."""
    x, y, width, height = box
    side = CONTEXT * max(width, height)
    rows, columns = (slice(max(round(center - side / 2), 0), round(center + side / 2))
                     for center in (y + height / 2, x + width / 2))
    return image[:, rows, columns].contiguous()

"""Episodes: documents of shots and a question, of which the shots alone tell the answer."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from mmengine.dataset import Compose

from .documents import DocumentDataset


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
        """The packed samples of a document; the last one has ``turns``, ``answer``, ``choices`` and ``kind``."""
        if index >= len(self):
            raise IndexError(index)
        if self.test_mode:
            number, shots = divmod(index, len(self.num_shots))
            rng = np.random.default_rng([self.seed, number])
            episode = self.draw(rng, max(self.num_shots)).with_shots(self.num_shots[shots])
        else:
            rng = np.random.default_rng(np.random.randint(2**31, size=4))  # mmengine seeds NumPy's generator
            episode = self.draw(rng, int(rng.choice(self.num_shots)))
        return [self.pipeline(sample) for sample in self.samples(episode, rng)]

    def draw(self, rng: np.random.Generator, num_shots: int) -> Episode:
        """A random episode, whose ``with_shots`` gives it fewer shots."""
        raise NotImplementedError

    def samples(self, episode: Episode, rng: np.random.Generator) -> list[dict]:
        """The samples of an episode, before the pipeline."""
        raise NotImplementedError

"""Episodes in which shots must matter: nonsense names for what a picture shows.

    dax, wug
    <image> wug<|endofchunk|> <image> dax<|endofchunk|> <image> ...

What a name stands for changes from episode to episode, so that it can be known from the shots alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visionllm.errors import ConfigError
from visionllm.language.documents import render_document

from .episodes import Box, EpisodeDataset

NAMES = dict(  # hardly words of English; those of testing are never trained
    train='baz bek buf dep div gex kef kov lav lev lif lov nav nez niz nov raf rak rav raz rez rif rik riz rov ruv sav '
          'tif vez vik zek zep'.split(),
    test='dax dex fep fif lik nex nik pez rax rix rof tok viz wug'.split())
CONTROLS = ('none', 'shuffled names', 'grey pictures')
GREY = 114
WORDING = '<image> (text)'


@dataclass(frozen=True)
class Picture:
    """An image, or what is around a box of it."""
    path: str
    box: Box | None = None


@dataclass(frozen=True)
class NamingEpisode:
    """What an episode shows and what it calls it. The last picture is asked."""
    names: tuple[str, ...]
    values: tuple[str, ...]  # what is named, one for each name
    shown: tuple[int, ...]  # index of the value, of each picture
    pictures: tuple[Picture, ...]

    def with_shots(self, count: int) -> 'NamingEpisode':
        """The same question behind the first shots alone."""
        keep = [*range(count), -1]
        return NamingEpisode(self.names, self.values,
                             *(tuple(each[i] for i in keep) for each in (self.shown, self.pictures)))


class NamingEpisodes(EpisodeDataset):
    """Documents of shots, pictures with the names of what they show, and a picture whose name is asked.

    Args:
        pictures: By the value of what is named, such as a colour or a class.
        names: Of which each episode has some.
        num_names: Names of an episode.
        control: ``shuffled names``, each shot called by one of the names at random, or ``grey pictures``: then the
            shots tell nothing. ``none`` else.
        pipeline, num_shots, num_episodes, seed, test_mode: As of ``EpisodeDataset``.

    Raises:
        ConfigError: There is no such control, or there are not as many names or values.
    """

    def __init__(self, pictures: Mapping[str, Sequence[Picture]], names: Sequence[str], num_names: int, control: str,
                 pipeline: list, num_shots: Sequence[int], num_episodes: int, seed: int, test_mode: bool):
        if control not in CONTROLS:
            raise ConfigError(f'There is no control {control!r}; there are {", ".join(CONTROLS)}.')
        most = min(len(pictures), len(names))
        if num_names > most:
            raise ConfigError(f'An episode cannot have {num_names} names: there are {len(pictures)} things to name '
                              f'({", ".join(sorted(pictures)) or "none"}) and {len(names)} names. Set num_names to '
                              f'{most} or less.')
        super().__init__(pipeline, num_shots, num_episodes, seed, test_mode)
        self.pictures, self.names, self.num_names, self.control = pictures, names, num_names, control

    def __getitem__(self, index: int) -> list[dict]:
        """As of ``EpisodeDataset``; the last sample has ``captions``, too."""
        packed = super().__getitem__(index)
        if self.control == 'grey pictures':
            for sample in packed:
                sample['inputs'].fill_(GREY)
        return packed

    def draw(self, rng: np.random.Generator, num_shots: int) -> NamingEpisode:
        """A random episode; no shot is of the asked image, unless there is no other of that value."""
        values, names = (tuple(rng.choice(sorted(each), self.num_names, replace=False).tolist())
                         for each in (self.pictures, self.names))
        shown = rng.integers(self.num_names, size=num_shots + 1).tolist()
        pictures = [choose(self.pictures[values[i]], rng) for i in shown]
        asked = pictures[-1]
        for number, picture in enumerate(pictures[:-1]):
            if picture.path == asked.path:
                others = [each for each in self.pictures[values[shown[number]]] if each.path != asked.path]
                pictures[number] = choose(others or [picture], rng)
        return NamingEpisode(names, values, tuple(shown), tuple(pictures))

    def samples(self, episode: NamingEpisode, rng: np.random.Generator) -> list[dict]:
        """The samples of an episode, before the pipeline."""
        *called, answer = (episode.names[i] for i in episode.shown)
        if self.control == 'shuffled names':
            called = rng.choice(episode.names, len(called)).tolist()
        samples = [sample_of(picture, text)
                   for picture, text in zip(episode.pictures, name_shots(episode.names, called))]
        samples[-1] |= dict(turns=(answer, ), answer=answer, kind=f'{len(called)} shots',
                            captions=(episode.values[episode.shown[-1]], ), choices=episode.names)
        return samples


def name_shots(names: Sequence[str], called: Sequence[str]) -> list[str]:
    """The instructions of a document: all names of an episode, shots as they are called, and a question."""
    texts = render_document(WORDING, called)
    texts[0] = f'{", ".join(sorted(names))}\n{texts[0]}'
    return texts


def sample_of(picture: Picture, instruction: str) -> dict:
    """A sample of a document, before the pipeline."""
    return dict(img_path=picture.path, img_id=Path(picture.path).name, text=(), instances=[], instruction=instruction,
                crop_box=picture.box)


def choose(pictures: Sequence[Picture], rng: np.random.Generator) -> Picture:
    """One of them at random."""
    return pictures[rng.integers(len(pictures))]

"""Episodes in which shots must matter: nonsense names for what a picture shows.

    dax, wug
    <image> wug<|endofchunk|> <image> dax<|endofchunk|> <image> ...

What a name stands for changes from episode to episode, so that it can be known from the shots alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from visionllm.errors import ConfigError
from visionllm.language.documents import render_document

from .episodes import EpisodeDataset

Box = tuple[float, float, float, float]  # x, y, width, height in pixels

NAMES = dict(  # hardly words of English; those of testing are never trained
    train='baz bek buf dep div gex kef kov lav lev lif lov nav nez niz nov raf rak rav raz rez rif rik riz rov ruv sav '
          'tif vez vik zek zep'.split(),
    test='dax dex fep fif lik nex nik pez rax rix rof tok viz wug'.split())
CONTROLS = ('none', 'shuffled names', 'grey pictures')
GREY = 114
WORDING = '<image> (text)'
CONTEXT = 1.3  # side of a crop, by the longer side of its box


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
        """As of ``EpisodeDataset``, cropped; the last sample has ``captions``, too."""
        packed = super().__getitem__(index)
        for each in packed:
            if each['data_samples'].get('crop_box'):
                crop_sample(each, each['data_samples'].crop_box)
            if self.control == 'grey pictures':
                each['inputs'].fill_(GREY)
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
        texts = render_document(WORDING, called)
        texts[0] = f'{", ".join(sorted(episode.names))}\n{texts[0]}'
        samples = [dict(img_path=picture.path, img_id=Path(picture.path).name, text=(), instances=[], instruction=text,
                        crop_box=picture.box) for picture, text in zip(episode.pictures, texts)]
        samples[-1] |= dict(turns=(answer, ), answer=answer, kind=f'{len(called)} shots',
                            captions=(episode.values[episode.shown[-1]], ), choices=episode.names)
        return samples


def choose(pictures: Sequence[Picture], rng: np.random.Generator) -> Picture:
    """One of them at random."""
    return pictures[rng.integers(len(pictures))]


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

"""Episodes in which shots must matter: nonsense names for what an object is, in pictures of one object.

    dax, wug
    <image> wug<|endofchunk|> <image> dax<|endofchunk|> <image> ...

What a name stands for changes from episode to episode, so that it can be known from the shots alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from mmdet.registry import DATASETS
from mmengine.dataset import Compose

from visionllm.annotations.files import read_json
from visionllm.errors import ConfigError
from visionllm.language.documents import render_document

from .documents import DocumentDataset
from .scene_dataset import write_once
from .scene_files import write_coco_folder

NAMES = dict(  # hardly words of English; those of testing are never trained
    train='baz bek buf dep div gex kef kov lav lev lif lov nav nez niz nov raf rak rav raz rez rif rik riz rov ruv sav '
          'tif vez vik zek zep'.split(),
    test='dax dex fep fif lik nex nik pez rax rix rof tok viz wug'.split())
CONTROLS = ('none', 'shuffled names', 'grey pictures')
GREY = 114
WORDING = '<image> (text)'


@dataclass(frozen=True)
class Episode:
    """What an episode shows and what it calls it. The last picture is asked."""
    names: tuple[str, ...]
    values: tuple[str, ...]  # of the attribute, one for each name
    shown: tuple[int, ...]  # index of the value, of each picture
    pictures: tuple[str, ...]  # file of each picture

    def with_shots(self, count: int) -> 'Episode':
        """The same question behind the first shots alone."""
        keep = [*range(count), -1]
        return Episode(self.names, self.values, *(tuple(each[i] for i in keep) for each in (self.shown, self.pictures)))


class FewShotEpisode(Protocol):
    """A question behind shots."""

    def with_shots(self, count: int) -> 'FewShotEpisode':
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

    def draw(self, rng: np.random.Generator, num_shots: int) -> FewShotEpisode:
        """A random episode, whose ``with_shots`` gives it fewer shots."""
        raise NotImplementedError

    def samples(self, episode: FewShotEpisode, rng: np.random.Generator) -> list[dict]:
        """The samples of an episode, before the pipeline."""
        raise NotImplementedError


@DATASETS.register_module()
class SceneEpisodes(EpisodeDataset):
    """Documents of shots, pictures with the names of what they show, and a picture whose name is asked.

    Args:
        pictures: Of one object each: ``root``, the folder that they are written to (a complete one is used as it is),
            ``split``, which is ``train`` or ``test`` as that of the names, ``num_images`` and ``seed``.
        pipeline, num_shots, num_episodes, test_mode: As of ``EpisodeDataset``.
        attribute: What is named: ``shape``, ``colour``, ``size`` or ``material``.
        num_names: Names of an episode.
        control: ``shuffled names``, each shot called by one of the names at random, or ``grey pictures``: then the
            shots tell nothing. ``none`` else.

    Raises:
        ConfigError: There is no such control, or there are not as many names or values of the attribute.
    """

    def __init__(self, pictures: dict, pipeline: list, attribute: str = 'colour', num_names: int = 4,
                 num_shots: Sequence[int] = (0, 1, 2, 4, 8), num_episodes: int = 100,
                 control: str = 'none', test_mode: bool = False):
        if control not in CONTROLS:
            raise ConfigError(f'There is no control {control!r}; there are {", ".join(CONTROLS)}.')
        super().__init__(pipeline, num_shots, num_episodes, pictures['seed'], test_mode)
        self.num_names, self.names, self.control = num_names, NAMES[pictures['split']], control
        self.folder = f'{pictures["root"]}/images/{pictures["split"]}'
        ann_file = write_once(partial(write_coco_folder, max_objects=1, **pictures))
        self.pictures = pictures_by_value(read_json(ann_file), attribute)
        most = min(len(self.pictures), len(self.names))
        if num_names > most:
            raise ConfigError(f'An episode cannot have {num_names} names: there are {len(self.pictures)} values of '
                              f'{attribute} and {len(self.names)} names. Set num_names to {most} or less.')

    def __getitem__(self, index: int) -> list[dict]:
        """As of ``EpisodeDataset``; the last sample has ``captions``, too."""
        packed = super().__getitem__(index)
        if self.control == 'grey pictures':
            for sample in packed:
                sample['inputs'].fill_(GREY)
        return packed

    def draw(self, rng: np.random.Generator, num_shots: int) -> Episode:
        """A random episode."""
        values, names = (tuple(rng.choice(sorted(each), self.num_names, replace=False).tolist())
                         for each in (self.pictures, self.names))
        shown = rng.integers(self.num_names, size=num_shots + 1).tolist()
        return Episode(names, values, tuple(shown), tuple(str(rng.choice(self.pictures[values[i]])) for i in shown))

    def samples(self, episode: Episode, rng: np.random.Generator) -> list[dict]:
        """The samples of an episode, before the pipeline."""
        *called, answer = (episode.names[i] for i in episode.shown)
        if self.control == 'shuffled names':
            called = rng.choice(episode.names, len(called)).tolist()
        texts = render_document(WORDING, called)
        texts[0] = f'{", ".join(sorted(episode.names))}\n{texts[0]}'
        samples = [dict(img_path=f'{self.folder}/{name}', img_id=name, text=(), instances=[], instruction=text)
                   for name, text in zip(episode.pictures, texts)]
        samples[-1] |= dict(turns=(answer, ), answer=answer, kind=f'{len(called)} shots',
                            captions=(episode.values[episode.shown[-1]], ), choices=episode.names)
        return samples


def pictures_by_value(content: dict, attribute: str) -> dict[str, list[str]]:
    """Names of the picture files by the value of an attribute of their only object.

    Args:
        content: Of a file that ``write_coco_folder`` wrote.
        attribute: ``shape`` or a key of the objects' ``attributes``.
    """
    shapes = {category['id']: category['name'] for category in content['categories']}
    files = {image['id']: image['file_name'] for image in content['images']}
    found: dict[str, list[str]] = {}
    for record in content['annotations']:
        value = shapes[record['category_id']] if attribute == 'shape' else record['attributes'][attribute]
        found.setdefault(value, []).append(files[record['image_id']])
    return found

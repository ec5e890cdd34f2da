"""Episodes of boxes by example: what a nonsense name stands for, the shots show; which box of another picture it names
is asked.

    dax, fep, viz, wug
    <image> dax<|endofchunk|> <image> fep<|endofchunk|> <image> ...      one document for each candidate box, cropped

The answer is the candidate in which the asked name is the most likely text (``CandidateBoxMetric``). Language models
that write the four numbers of a box need far more steps than to name what they see (docs/results/flamingo.md).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from mmdet.registry import DATASETS

from visionllm.annotations.files import read_json
from visionllm.errors import ConfigError

from .episodes import Box, EpisodeDataset
from .naming_episodes import NAMES, Picture, name_shots, sample_of
from .scene_dataset import write_once
from .scene_episodes import files_by_value
from .scene_files import write_coco_folder

NUM_NAMES = 4


@dataclass(frozen=True)
class BoxEpisode:
    """What an episode shows, and the boxes of the picture that is asked."""
    number: int
    picture: str
    asked: Box
    candidates: tuple[Box, ...]
    names: tuple[str, ...]  # the asked one first
    shots: tuple[tuple[str, str], ...]  # a picture and its name each

    def with_shots(self, count: int) -> 'BoxEpisode':
        """The same question behind the first shots alone."""
        return replace(self, shots=self.shots[:count])


@DATASETS.register_module()
class SceneBoxEpisodes(EpisodeDataset):
    """Questions of one document for each candidate box, for testing.

    Shots are pictures of one object with the name of its colour; the first shows what is asked. The objects of the
    asked picture differ in colour.

    Args:
        shots: Pictures of one object, as of ``SceneEpisodes``.
        asked: The same, of pictures of up to four objects.
        pipeline, num_shots, num_episodes: As of ``EpisodeDataset``.
        proposals: COCO file of boxes that a detector found in the asked pictures, by ``visionllm predict --coco``; None
            for the annotated boxes.

    Raises:
        ConfigError: There are more shots than names, or no boxes.
    """

    def __init__(self, shots: dict, asked: dict, pipeline: list, num_shots: Sequence[int] = (0, 1, 4),
                 num_episodes: int = 100, proposals: str | None = None):
        super().__init__(pipeline, num_shots, num_episodes, asked['seed'], test_mode=True)
        if max(num_shots) > NUM_NAMES:
            raise ConfigError(f'An episode has {NUM_NAMES} names and one shot for each at most, not {max(num_shots)}.')
        self.names, self.folders = NAMES[asked['split']], [f'{each["root"]}/images/{each["split"]}' for each in
                                                           (shots, asked)]
        single, several = (read_json(write_once(partial(write_coco_folder, max_objects=count, **pictures)))
                           for count, pictures in ((1, shots), (4, asked)))
        self.shots = files_by_value(single, 'colour')
        boxes = boxes_by_picture(read_json(proposals) if proposals else several)
        self.asked = [(file, objects, boxes.get(file)) for file, objects in objects_by_picture(several).items()
                      if 1 < len(objects) == len({colour for colour, _ in objects}) and boxes.get(file)]
        if not self.asked:
            raise ConfigError(f'{proposals or "The annotations"} has no box in a picture of two or more objects of '
                              'different colours.')

    def draw(self, rng: np.random.Generator, num_shots: int) -> BoxEpisode:
        """A random episode."""
        number = int(rng.integers(2**31))
        picture, objects, candidates = self.asked[rng.integers(len(self.asked))]
        objects = [objects[i] for i in rng.permutation(len(objects))]
        colours = [colour for colour, _ in objects]
        others = sorted(set(self.shots) - set(colours))
        colours += rng.choice(others, NUM_NAMES - len(colours), replace=False).tolist()
        names = tuple(rng.choice(self.names, NUM_NAMES, replace=False).tolist())
        order = [0, *(1 + rng.permutation(NUM_NAMES - 1))][:num_shots]
        shots = tuple((str(rng.choice(self.shots[colours[i]])), names[i]) for i in order)
        return BoxEpisode(number, picture, objects[0][1], tuple(candidates), names, shots)

    def samples(self, episode: BoxEpisode, rng: np.random.Generator) -> list[dict]:
        """The samples of the documents of all candidates, before the pipeline."""
        texts = name_shots(episode.names, [name for _, name in episode.shots])
        shots = [sample_of(Picture(f'{self.folders[0]}/{file}'), text)
                 for (file, _), text in zip(episode.shots, texts)]
        asked = dict(answer=episode.names[0], turns=episode.names[:1], choices=episode.names, asked_box=episode.asked,
                     episode=episode.number, kind=f'{len(shots)} shots')
        path = f'{self.folders[1]}/{episode.picture}'
        return [each for box in episode.candidates
                for each in (*shots, sample_of(Picture(path, box), texts[-1]) | asked | dict(candidate=box))]


def objects_by_picture(content: dict) -> dict[str, list[tuple[str, Box]]]:
    """Colours and boxes of the objects in each picture of a file that ``write_coco_folder`` wrote, by its file name."""
    files = {image['id']: image['file_name'] for image in content['images']}
    found = defaultdict(list)
    for record in content['annotations']:
        found[files[record['image_id']]].append((record['attributes']['colour'], tuple(record['bbox'])))
    return found


def boxes_by_picture(content: dict) -> dict[str, list[Box]]:
    """Boxes in each picture of a COCO file, by file name without folders."""
    files = {image['id']: Path(image['file_name']).name for image in content['images']}
    found = defaultdict(list)
    for record in content['annotations']:
        found[files[record['image_id']]].append(tuple(record['bbox']))
    return found

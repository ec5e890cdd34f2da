"""Nonsense names for what objects of generated scenes are, in pictures of one object."""

from collections.abc import Sequence
from functools import partial

from mmdet.registry import DATASETS

from visionllm.annotations.files import read_json

from .naming_episodes import NAMES, NamingEpisodes, Picture
from .scene_dataset import write_once
from .scene_files import write_coco_folder


@DATASETS.register_module()
class SceneEpisodes(NamingEpisodes):
    """Nonsense names for an attribute.

    Args:
        pictures: Of one object each: ``root``, the folder that they are written to (a complete one is used as it is),
            ``split``, which is ``train`` or ``test`` as that of the names, ``num_images`` and ``seed``.
        pipeline, num_shots, num_episodes, test_mode: As of ``EpisodeDataset``.
        attribute: What is named: ``shape``, ``colour``, ``size`` or ``material``.
        num_names, control: As of ``NamingEpisodes``.

    Raises:
        ConfigError: There is no such control, or there are not as many names or values of the attribute.
    """

    def __init__(self, pictures: dict, pipeline: list, attribute: str = 'colour', num_names: int = 4,
                 num_shots: Sequence[int] = (0, 1, 2, 4, 8), num_episodes: int = 100,
                 control: str = 'none', test_mode: bool = False):
        folder = f'{pictures["root"]}/images/{pictures["split"]}'
        content = read_json(write_once(partial(write_coco_folder, max_objects=1, **pictures)))
        by_value = {value: [Picture(f'{folder}/{file}') for file in files]
                    for value, files in files_by_value(content, attribute).items()}
        super().__init__(by_value, NAMES[pictures['split']], num_names, control, pipeline, num_shots, num_episodes,
                         pictures['seed'], test_mode)


def files_by_value(content: dict, attribute: str) -> dict[str, list[str]]:
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

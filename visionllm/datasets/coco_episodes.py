"""Nonsense names for classes of photographs, in crops around their objects."""

from collections import defaultdict
from collections.abc import Sequence

from mmdet.registry import DATASETS

from visionllm.annotations import read_coco_file
from visionllm.errors import ConfigError

from .naming_episodes import NAMES, NamingEpisodes, Picture


@DATASETS.register_module()
class CocoEpisodes(NamingEpisodes):
    """Nonsense names for some of the classes of a COCO file.

    In few-shot detection (Kang et al., ICCV 2019) the 20 classes of Pascal VOC are novel, and the other 60 of COCO are
    trained on.

    Args:
        ann_file: Path of the file.
        img_prefix: Folder of its images.
        classes: Names of the classes that are shown.
        pipeline, num_shots, num_episodes, seed, test_mode: As of ``EpisodeDataset``.
        min_side: Objects whose box has a shorter side are left out, in pixels.
        num_names, control: As of ``NamingEpisodes``; the names of testing are not those of training.

    Raises:
        ConfigError: The file has fewer than two images of one of the classes, or as of ``NamingEpisodes``.
    """

    def __init__(self, ann_file: str, img_prefix: str, classes: Sequence[str], pipeline: list, min_side: int = 48,
                 num_names: int = 4, num_shots: Sequence[int] = (0, 1, 2, 4, 8), num_episodes: int = 100,
                 control: str = 'none', test_mode: bool = False):
        objects = objects_by_class(read_coco_file(ann_file), img_prefix, classes, min_side)
        few = [name for name in classes if len({each.path for each in objects[name]}) < 2]
        if few:
            raise ConfigError(f'{ann_file} has fewer than two images with a {few[0]} of {min_side} pixels, one to show '
                              f'and one to ask; so it is of {len(few)} of {len(classes)} classes. Leave them out.')
        super().__init__(objects, NAMES['test' if test_mode else 'train'], num_names, control, pipeline, num_shots,
                         num_episodes, 0, test_mode)


def objects_by_class(content: dict, img_prefix: str, classes: Sequence[str],
                     min_side: int) -> dict[str, list[Picture]]:
    """The objects of each class, without groups (``iscrowd``) and those with a side under ``min_side`` pixels."""
    names = {category['id']: category['name'] for category in content['categories']}
    files = {image['id']: image['file_name'] for image in content['images']}
    found = defaultdict(list)
    for record in content['annotations']:
        name = names[record['category_id']]
        if name in classes and not record.get('iscrowd') and min(record['bbox'][2:]) >= min_side:
            found[name].append(Picture(f'{img_prefix}/{files[record["image_id"]]}', tuple(record['bbox'])))
    return found

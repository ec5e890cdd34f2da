"""The synthetic scenes as MMDetection datasets of objects, keypoints and text."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from mmdet.registry import DATASETS
from mmengine.dist import barrier, is_main_process

from .captions import CaptionDataset
from .coco import InstructionCocoDataset
from .conversations import ConversationDataset
from .keypoints import KeypointCocoDataset
from .referring import ReferringDataset
from .scene_files import write_coco_folder, write_keypoints
from .scenes import CLASSES, SHAPES
from .sentences import SentenceDataset


@DATASETS.register_module()
class SceneDataset(InstructionCocoDataset):
    """``InstructionCocoDataset`` of synthetic scenes, which are written to a COCO folder first.

    Args:
        data_root: Folder to write to; a complete one is used as it is.
        split: Name of the split, such as ``train``.
        num_images: Number of images.
        seed: Seed of the scenes; different seeds share no image.
        pipeline: MMDetection transforms.
        kind: Kind of class names, a key of ``scenes.CLASSES``: ``shape`` or ``colour``.
        test_mode: As in ``CocoDataset``.
        filter_cfg: As in ``CocoDataset``.
    """

    METAINFO = dict(
        classes=CLASSES['shape'],
        palette=[(214, 40, 40), (240, 138, 30), (200, 180, 20), (46, 150, 66), (40, 92, 206), (134, 60, 176),
                 (238, 132, 176), (120, 120, 120), (0, 160, 160), (140, 90, 40)])

    def __init__(self, data_root: str, split: str, num_images: int, seed: int, pipeline: list, kind: str = 'shape',
                 test_mode: bool = False, filter_cfg: dict | None = None):
        ann_file = write_once(partial(write_coco_folder, kind=kind), data_root, split, num_images, seed)
        super().__init__(
            ann_file=str(ann_file.relative_to(data_root)),
            data_root=data_root,
            data_prefix=dict(img=f'images/{split}/'),
            metainfo=dict(classes=CLASSES[kind]),
            pipeline=pipeline,
            test_mode=test_mode,
            filter_cfg=filter_cfg)


@DATASETS.register_module()
def SceneLanguageDataset(kind: str, data_root: str, split: str, num_images: int, seed: int, pipeline: list,
                         test_mode: bool = False) -> SentenceDataset:
    """Build a dataset of text about the scenes, which are written to the folder of ``SceneDataset`` first.

    A function that is registered like a dataset class: ``dict(type='SceneLanguageDataset', kind=..., ...)``.

    Args:
        kind: ``expressions`` (in training with the other objects of the image), ``captions`` (one sample per caption in
            training, one per image in testing) or ``questions`` (in training followed by the image's other questions).
        data_root, split, num_images, seed, pipeline, test_mode: As in ``SceneDataset``.

    Returns:
        A ``ReferringDataset``, ``CaptionDataset`` or ``ConversationDataset``.
    """
    ann_file = write_once(write_coco_folder, data_root, split, num_images, seed)
    settings = dict(ann_file=f'annotations/{kind}_{split}.json', data_root=data_root,
                    data_prefix=dict(img=f'images/{split}/'), pipeline=pipeline, test_mode=test_mode)
    if kind == 'expressions':
        return ReferringDataset(with_other_objects=not test_mode, **settings)
    settings['instances_file'] = str(ann_file.with_name(f'descriptions_{split}.json'))
    if kind == 'questions':
        return ConversationDataset(chain=1 if test_mode else 4, **settings)  # 4: all of a scene
    return CaptionDataset(per_caption=not test_mode, **settings)


@DATASETS.register_module()
def SceneKeypointDataset(data_root: str, split: str, num_images: int, seed: int, pipeline: list,
                         test_mode: bool = False) -> KeypointCocoDataset:
    """Build a dataset of the scenes' objects with keypoints, written to the folder of ``SceneDataset`` first.

    A function that is registered like a dataset class: ``dict(type='SceneKeypointDataset', ...)``.

    Args:
        data_root, split, num_images, seed, pipeline, test_mode: As in ``SceneDataset``.
    """
    ann_file = write_once(write_keypoints, data_root, split, num_images, seed)
    return KeypointCocoDataset(
        ann_file=str(ann_file.relative_to(data_root)),
        data_root=data_root,
        data_prefix=dict(img=f'images/{split}/'),
        metainfo=dict(classes=SHAPES, palette=SceneDataset.METAINFO['palette']),
        pipeline=pipeline,
        test_mode=test_mode)


def write_once(write: Callable[..., Path], *arguments: object) -> Path:
    """Write scenes in the main process while all others wait.

    Args:
        write: ``write_coco_folder`` or ``write_keypoints``.
        *arguments: Its arguments.

    Returns:
        Path of the annotation file, in every process.
    """
    if is_main_process():
        write(*arguments)
    barrier()
    return write(*arguments)

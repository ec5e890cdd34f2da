"""The synthetic scenes as MMDetection datasets: their objects, and what is said about them."""

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
from .scenes import CLASSES, SHAPES, write_coco_folder, write_points
from .sentences import SentenceDataset


@DATASETS.register_module()
class SceneDataset(InstructionCocoDataset):
    """A COCO folder that writes its own folder first: everything else about it is COCO's own road.

    Args:
        data_root: Folder to write to; a complete one is used as it is.
        split: Name of the split, such as ``train``.
        num_images: Number of pictures.
        seed: World of the pictures; different seeds share no picture.
        kind: What objects are called by, ``shape`` or ``colour``.
        pipeline: MMDetection transforms.
        test_mode: As in ``CocoDataset``.
        filter_cfg: As in ``CocoDataset``.
    """

    METAINFO = dict(
        classes=CLASSES['shape'],
        palette=[(214, 40, 40), (240, 138, 30), (200, 180, 20), (46, 150, 66), (40, 92, 206), (134, 60, 176),
                 (238, 132, 176), (120, 120, 120), (0, 160, 160), (140, 90, 40)])

    def __init__(self, data_root: str, split: str, num_images: int, seed: int, pipeline: list, kind: str = 'shape',
                 test_mode: bool = False, filter_cfg: dict | None = None):
        ann_file = written_once(partial(write_coco_folder, kind=kind), data_root, split, num_images, seed)
        super().__init__(
            ann_file=str(ann_file.relative_to(data_root)),
            data_root=data_root,
            data_prefix=dict(img=f'images/{split}/'),
            metainfo=dict(classes=CLASSES[kind]),
            pipeline=pipeline,
            test_mode=test_mode,
            filter_cfg=filter_cfg)


@DATASETS.register_module()
def scene_sentences(kind: str, data_root: str, split: str, num_images: int, seed: int, pipeline: list,
                    test_mode: bool = False) -> SentenceDataset:
    """What is said about the scenes, from the folder that ``SceneDataset`` writes too.

    Args:
        kind: ``expressions`` (in training with the objects that are not meant), ``captions`` (one sample a caption in
            training, one a picture in testing) or ``questions`` (in training all of a picture's, one opening).
        data_root, split, num_images, seed, pipeline, test_mode: As in ``SceneDataset``.
    """
    ann_file = written_once(write_coco_folder, data_root, split, num_images, seed)
    place = dict(ann_file=f'annotations/{kind}_{split}.json', data_root=data_root,
                 data_prefix=dict(img=f'images/{split}/'), pipeline=pipeline, test_mode=test_mode)
    if kind == 'expressions':
        return ReferringDataset(others=not test_mode, **place)
    place['instances_file'] = str(ann_file.with_name(f'descriptions_{split}.json'))
    if kind == 'questions':
        return ConversationDataset(go_on=not test_mode, **place)
    return CaptionDataset(per_caption=not test_mode, **place)


@DATASETS.register_module()
def scene_points(data_root: str, split: str, num_images: int, seed: int, pipeline: list,
                 test_mode: bool = False) -> KeypointCocoDataset:
    """The scenes' objects with their named corners, from the folder that ``SceneDataset`` writes too.

    Args:
        data_root, split, num_images, seed, pipeline, test_mode: As in ``SceneDataset``.
    """
    ann_file = written_once(write_points, data_root, split, num_images, seed)
    return KeypointCocoDataset(
        ann_file=str(ann_file.relative_to(data_root)),
        data_root=data_root,
        data_prefix=dict(img=f'images/{split}/'),
        metainfo=dict(classes=SHAPES, palette=SceneDataset.METAINFO['palette']),
        pipeline=pipeline,
        test_mode=test_mode)


def written_once(write: Callable[..., Path], *arguments: object) -> Path:
    """An annotation file of scenes, which one process writes and the others wait for."""
    if is_main_process():
        write(*arguments)
    barrier()
    return write(*arguments)

"""What feeding a training costs: our samples with their instructions, beside MMDetection's plain ones."""

from mmdet.datasets import CocoDataset
from mmdet.registry import DATASETS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from visionllm.datasets.instruct import instruction_collate

from .timing import Suite


def loading_suite(config: str, data_root: str, batch_size: int = 16) -> Suite:
    """A batch of boxes, ours and MMDetection's, and one of outlines, read by one process.

    Args:
        config: Of a model for several tasks, on scenes.
        data_root: Where the scenes are, or are written to.
        batch_size: Pictures a batch.
    """
    boxes, outlines = Config.fromfile(config).train_dataloader.dataset.datasets[:2]
    ours = []
    for part in (boxes, outlines):
        part.update(data_root=data_root, num_images=32)
        ours.append(DATASETS.build(part))
    steps = [dict(type='LoadImageFromFile'), *boxes.pipeline[1:-1], dict(type='PackDetInputs')]
    plain = CocoDataset(ann_file=ours[0].ann_file, data_prefix=ours[0].data_prefix, metainfo=ours[0].metainfo,
                        pipeline=steps)
    rows = {
        'a batch of boxes': lambda: instruction_collate([ours[0][i] for i in range(batch_size)]),
        'a batch of outlines': lambda: instruction_collate([ours[1][i] for i in range(batch_size)]),
        'a batch of boxes, MMDetection': lambda: pseudo_collate([plain[i] for i in range(batch_size)]),
    }
    return Suite(rows, {
        'a batch of boxes / MMDetection': ('a batch of boxes', 'a batch of boxes, MMDetection', 1),
        'a batch of outlines / MMDetection': ('a batch of outlines', 'a batch of boxes, MMDetection', 1),
    })

"""What feeding a training costs: our samples with their instructions, beside MMDetection's plain ones."""

from mmdet.datasets import CocoDataset
from mmengine.dataset import pseudo_collate

from visionllm.datasets.instruct import instruction_collate

from .subjects import few_scenes
from .timing import Suite


def loading_suite(config: str, data_root: str, batch_size: int = 16) -> Suite:
    """A batch of boxes, ours and MMDetection's, and one of outlines, read by one process.

    Args:
        config: Of a model for several tasks, on scenes.
        data_root: Where the scenes are, or are written to.
        batch_size: Pictures a batch.
    """
    scenes = few_scenes(config, data_root)
    boxes, outlines = scenes['detection'], scenes['segmentation']
    steps = [dict(type='LoadImageFromFile'), *boxes.pipeline.transforms[1:-1], dict(type='PackDetInputs')]
    plain = CocoDataset(ann_file=boxes.ann_file, data_prefix=boxes.data_prefix, metainfo=boxes.metainfo,
                        pipeline=steps)
    rows = {
        'a batch of boxes': lambda: instruction_collate([boxes[i] for i in range(batch_size)]),
        'a batch of outlines': lambda: instruction_collate([outlines[i] for i in range(batch_size)]),
        'a batch of boxes, MMDetection': lambda: pseudo_collate([plain[i] for i in range(batch_size)]),
    }
    return Suite(rows, {
        'a batch of boxes / MMDetection': ('a batch of boxes', 'a batch of boxes, MMDetection', 1),
        'a batch of outlines / MMDetection': ('a batch of outlines', 'a batch of boxes, MMDetection', 1),
    })

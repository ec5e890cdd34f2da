"""Loading of training batches with instructions, compared to MMDetection's."""

from mmdet.datasets import CocoDataset
from mmengine.dataset import pseudo_collate

from visionllm.datasets.instruct import instruction_collate

from .inputs import scene_datasets
from .timing import Suite


def loading_suite(config: str, data_root: str, batch_size: int = 16) -> Suite:
    """Batches of boxes, ours and MMDetection's, and of polygons, loaded by one process.

    Args:
        config: Of a model for several tasks on scenes.
        data_root: Folder of the scenes, which are generated if it does not have them.
        batch_size: Images per batch.
    """
    datasets = scene_datasets(config, data_root)
    boxes, polygons = datasets['detection'], datasets['segmentation']
    steps = [dict(type='LoadImageFromFile'), *boxes.pipeline.transforms[1:-1], dict(type='PackDetInputs')]
    plain = CocoDataset(ann_file=boxes.ann_file, data_prefix=boxes.data_prefix, metainfo=boxes.metainfo,
                        pipeline=steps)
    rows = {
        'a batch of boxes': lambda: instruction_collate([boxes[i] for i in range(batch_size)]),
        'a batch of polygons': lambda: instruction_collate([polygons[i] for i in range(batch_size)]),
        'a batch of boxes, MMDetection': lambda: pseudo_collate([plain[i] for i in range(batch_size)]),
    }
    return Suite(rows, {
        'a batch of boxes / MMDetection': ('a batch of boxes', 'a batch of boxes, MMDetection', 1),
        'a batch of polygons / MMDetection': ('a batch of polygons', 'a batch of boxes, MMDetection', 1),
    })

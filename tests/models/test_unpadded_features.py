"""An image has the same answer alone and in a batch with images of other sizes."""

import copy

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.dataset import pseudo_collate

from visionllm.language import TASKS
from visionllm.models.unpadded_features import stack_padded, unpadded_features


def item(height, width, task):
    names = ['star', 'moon']
    pixels = torch.randint(0, 255, (3, height, width), dtype=torch.uint8,
                           generator=torch.Generator().manual_seed(height))
    sample = DetDataSample(metainfo=dict(
        img_path='a', ori_shape=(height, width), img_shape=(height, width), scale_factor=(1.0, 1.0), text=names,
        instruction=TASKS[task].write_instruction(names)))
    return dict(inputs=pixels, data_samples=sample)


@pytest.mark.parametrize('task', ['detection', 'segmentation'])
def test_alone_and_in_a_batch(tiny, task):
    items = [item(128, 96, task), item(64, 128, task), item(96, 96, task)]
    alone = [tiny.test_step(pseudo_collate([copy.deepcopy(each)]))[0].pred_instances for each in items]
    together = [each.pred_instances for each in tiny.test_step(pseudo_collate(copy.deepcopy(items)))]
    for first, second in zip(alone, together):
        assert torch.allclose(first.scores, second.scores, atol=1e-4)
        best = first.scores > first.scores.median()  # the order of the others can differ
        assert torch.allclose(first.scores[best], second.scores[best], atol=1e-4)
        by_token = [each.bboxes[each.tuples.argsort(stable=True)] for each in (first, second)]
        assert torch.allclose(*by_token, atol=0.05)


def test_maps_are_padded_to_the_largest():
    maps = stack_padded([torch.ones(2, 3, 4), torch.ones(2, 5, 1)])
    assert maps.shape == (2, 2, 5, 4) and maps.sum() == 2 * (12 + 5)


def test_images_of_one_size_are_processed_together():
    sizes = []

    def extract(images):
        sizes.append(tuple(images.shape))
        return (images[:, :, ::8, ::8], )
    samples = [DetDataSample(metainfo=dict(img_shape=shape)) for shape in ((32, 16), (16, 32), (32, 16))]
    (maps, ) = unpadded_features(extract, torch.ones(3, 3, 32, 32), samples, 1)
    assert sizes == [(2, 3, 32, 16), (1, 3, 16, 32)] and maps.shape == (3, 3, 4, 4)
    assert maps[0].sum() == 3 * 8 and (maps[1, :, 2:] == 0).all()

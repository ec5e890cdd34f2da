"""Two processes whose batches have nothing in common learn from both as one process does from the whole."""

from copy import deepcopy
from datetime import timedelta

import pytest
import torch
import torch.multiprocessing
from mmengine.model import MMDistributedDataParallel

from visionllm.datasets.scenes import SHAPES
from visionllm.language import TASKS

from ..conftest import load_config, sample_batch

BOXES = TASKS['detection'].write_instruction(SHAPES)
POLYGONS = TASKS['segmentation'].write_instruction(SHAPES)
TEXT = TASKS['captioning'].write_instruction(())


@pytest.fixture
def model(tiny, monkeypatch):
    """In evaluation mode, without batch statistics, and with nothing drawn."""
    for name in ('train_tuples', 'train_coordinates'):
        monkeypatch.setattr(tiny.heads['tuples'], name, None)
    return deepcopy(tiny)


def gradients(model, wrapped, batch) -> dict:
    """By parameter, of the second of two steps: DDP finds parameters that waited in vain only then."""
    for _ in range(2):
        model.zero_grad()
        data = model.data_preprocessor(deepcopy(batch), training=True)
        losses = wrapped(**data, mode='loss')
        model.parse_losses(losses)[0].backward()
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


def work(rank, model, batches, folder) -> None:
    torch.distributed.init_process_group('gloo', init_method=f'file://{folder}/meeting', rank=rank, world_size=2,
                                         timeout=timedelta(seconds=60))
    wrapper = {key: value for key, value in load_config('configs/_base_/default_runtime.py').model_wrapper_cfg.items()
               if key != 'type'}
    torch.save(gradients(model, MMDistributedDataParallel(model, **wrapper), batches[rank]), f'{folder}/{rank}.pt')
    torch.distributed.barrier()


@pytest.mark.parametrize('first, second', [((BOXES, 3), (BOXES, 0)), ((BOXES, 0), (BOXES, 0)),
                                           ((POLYGONS, 3), (TEXT, 3)), ((TEXT, 3), (BOXES, 0))])
def test_processes_learn_what_one_does(model, tmp_path, first, second):
    batches = [sample_batch(instruction, 1, num_objects=count) for instruction, count in (first, second)]
    torch.multiprocessing.start_processes(work, (model, batches, tmp_path), nprocs=2, start_method='fork')
    found = [torch.load(tmp_path / f'{rank}.pt') for rank in range(2)]
    whole = gradients(model, model, {key: batches[0][key] + batches[1][key] for key in batches[0]})
    assert whole.keys() == found[0].keys() == found[1].keys()
    for name, expected in whole.items():
        for each in found:
            assert torch.allclose(each[name], expected, rtol=0, atol=1e-4 * float(expected.abs().max()) + 1e-6), name

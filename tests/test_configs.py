from pathlib import Path

import pytest
from mmdet.registry import MODELS

from .conftest import ROOT, load_config

CONFIGS = sorted(p.relative_to(ROOT) for folder in ('visionllm', 'deformable_detr', 'guided_detr')
                 for p in (ROOT / 'configs' / folder).glob('*.py'))
NEEDS_LARGE_WEIGHTS = {'visionllm_r50_32xb1-50e_coco.py'}


def test_all_configs_are_found():
    assert len(CONFIGS) == 12


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_config_is_complete(path: Path):
    cfg = load_config(path)
    for key in ('model', 'train_dataloader', 'test_dataloader', 'test_evaluator', 'optim_wrapper', 'train_cfg'):
        assert key in cfg, key
    assert cfg.param_scheduler[-1].get('end', cfg.train_cfg.get('max_iters')) == cfg.train_cfg.get('max_iters')


@pytest.mark.parametrize('path', [p for p in CONFIGS if p.name not in NEEDS_LARGE_WEIGHTS], ids=lambda p: p.stem)
def test_config_builds(path: Path):
    model = MODELS.build(load_config(path).model)
    assert any(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize('before, after', [
    ('deformable_detr/deformable-detr_nano_scenes', 'visionllm/visionllm_nano_scenes'),
    ('deformable_detr/deformable-detr_small_coco', 'visionllm/visionllm_small_coco'),
    ('visionllm/visionllm_nano_scenes', 'guided_detr/guided-detr_nano_scenes'),
    ('visionllm/visionllm_nano_scenes', 'visionllm/visionllm_nano_scenes-five-tasks'),
    ('guided_detr/guided-detr_nano_scenes', 'visionllm/visionllm_nano_scenes-five-tasks'),
])
def test_a_model_starts_from_a_checkpoint_that_its_forerunner_leaves(before, after):
    forerunner = load_config(f'configs/{before}.py')
    starts = load_config(f'configs/{after}.py').model.init_cfg
    starts = [starts] if isinstance(starts, dict) else starts
    names = [Path(start.checkpoint).name for start in starts if Path(start.checkpoint).parent.name == Path(before).name]
    keeper, end = forerunner.default_hooks.checkpoint, forerunner.train_cfg.max_iters
    left = {f'iter_{end - back * keeper.interval}.pth' for back in range(keeper.max_keep_ckpts)}
    left.add(f'iter_{end}.pth')
    assert names and set(names) <= left

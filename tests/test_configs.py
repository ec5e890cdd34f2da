from fnmatch import fnmatch
from pathlib import Path

import mmdet
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from visionllm.apis.cost import without_weights
from visionllm.models import TokenizerPretrained
from visionllm.models.huggingface import PretrainedError

from .conftest import ROOT, load_config

CONFIGS = sorted(p.relative_to(ROOT)
                 for folder in ('visionllm', 'deformable_detr', 'guided_detr', 'flamingo', 'llava')
                 for p in (ROOT / 'configs' / folder).glob('*.py'))
PAPERS = [p for p in CONFIGS if '32xb1' in p.name]  # their language model is not here
HUB_NAMES = ('clip-l14', 'deimv2-n', 'd-fine', 'rf-detr', 'deformable-detr-r50')
FROM_HUB = [p for p in CONFIGS if any(name in p.name for name in HUB_NAMES)]
LLAVAS_FROM_HUB = [p for p in CONFIGS if any(name in p.name for name in ('vicuna', 'llava_1.5'))]
PEER = Path(mmdet.__file__).parent / '.mim/configs/deformable_detr/deformable-detr_r50_16xb2-50e_coco.py'


def test_all_configs_are_found():
    assert len(CONFIGS) == 41 and len(PAPERS) == 5 and len(FROM_HUB) == 6 and len(LLAVAS_FROM_HUB) == 4


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_config_is_complete(path: Path):
    cfg = load_config(path)
    for key in ('model', 'train_dataloader', 'test_dataloader', 'test_evaluator', 'optim_wrapper', 'train_cfg'):
        assert key in cfg, key
    assert 'name' not in cfg.visualizer  # it would be one visualizer, and its folder, for all runs of a process
    assert cfg.param_scheduler[-1].get('end', cfg.train_cfg.get('max_iters')) == cfg.train_cfg.get('max_iters')


@pytest.mark.parametrize('path', sorted({*CONFIGS} - {*PAPERS, *FROM_HUB, *LLAVAS_FROM_HUB}), ids=lambda p: p.stem)
def test_config_builds(path: Path, request):
    if 'deimv2' in path.stem:
        request.getfixturevalue('data')  # the folder with the detector
    model = MODELS.build(load_config(path).model)
    assert any(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize('path', FROM_HUB + LLAVAS_FROM_HUB, ids=lambda p: p.stem)
def test_a_hub_that_cannot_be_reached_is_one_sentence(path: Path, monkeypatch):
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
    cfg = load_config(path)
    with pytest.raises(PretrainedError, match='give a folder with a copy'):
        MODELS.build(cfg.model.connector)


@pytest.mark.parametrize('before, after', [
    ('deformable_detr/deformable-detr_nano_scenes', 'visionllm/visionllm_nano_scenes'),
    ('deformable_detr/deformable-detr_small_coco', 'visionllm/visionllm_small_coco'),
    ('visionllm/visionllm_nano_scenes', 'guided_detr/guided-detr_nano_scenes'),
    ('visionllm/visionllm_nano_scenes', 'visionllm/visionllm_nano_scenes-five-tasks'),
    ('guided_detr/guided-detr_nano_scenes', 'visionllm/visionllm_nano_scenes-five-tasks'),
    ('visionllm/visionllm_r50_32xb1-50e_stage1_coco', 'visionllm/visionllm_r50_32xb1-50e_stage2_multitask'),
    ('visionllm/visionllm_internimage-h_32xb1-50e_stage1_coco',
     'visionllm/visionllm_internimage-h_32xb1-50e_stage2_multitask'),
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


def with_small_readers(path):
    """A config of the paper's size, but for the language models."""
    cfg = load_config(path).model
    cfg.text_encoder.source, cfg.llm.source = 'wheel:all-minilm-l6-v2', 'wheel:smollm2-135m-instruct'
    return cfg


TRAINED = ('neck.*', 'text_encoder.*', 'connector.*', 'heads.*', 'llm.decoder.layers.*.lora_?.default.weight',
           'llm.new_rows.weight')
R50_TRAINED = ('backbone.layer[234].*conv?.weight', 'backbone.layer[234].*downsample.0.weight')  # no norms


@pytest.mark.parametrize('path', PAPERS, ids=lambda p: p.stem)
def test_what_the_papers_stages_train(path):
    model = without_weights(load_config(path).model, 'meta')
    plan = TRAINED
    if 'stage1' in path.name:
        plan += ('backbone.*', ) if 'internimage' in path.name else R50_TRAINED
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == {name for name, _ in model.named_parameters() if any(fnmatch(name, part) for part in plan)}
    assert all(any(fnmatch(name, part) for name in trained) for part in plan)
    millions = sum(p.numel() for p in model.backbone.parameters()) / 1e6
    assert millions == pytest.approx(1077 if 'internimage' in path.name else 23.5, rel=0.01)


def test_mmdetections_published_detector_fits_the_papers_tokenizer(tmp_path):
    detector = MODELS.build(Config.fromfile(PEER).model)
    torch.save(dict(state_dict=detector.state_dict()), tmp_path / 'detr.pth')
    model = MODELS.build(with_small_readers('configs/visionllm/visionllm_r50_32xb1-50e_stage1_coco.py'))
    TokenizerPretrained(str(tmp_path / 'detr.pth'))(model)
    assert torch.equal(model.connector.query_embedding.weight, detector.query_embedding.weight[:100])
    assert torch.equal(model.backbone.layer4[2].conv3.weight, detector.backbone.layer4[2].conv3.weight)
    assert not any(scale.conv.bias.any() for scale in [*model.neck.convs, *model.neck.extra_convs])  # theirs has none
    ours, theirs = model.connector.decoder.layers[5], detector.decoder.layers[5]
    assert torch.equal(ours.cross_attn.value_proj.weight, theirs.cross_attn.value_proj.weight)

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from filelock import FileLock
from hypothesis import settings
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope

import visionllm.registration  # noqa: F401
from visionllm.datasets.scene_files import write_coco_folder

ROOT = Path(__file__).parent.parent
settings.register_profile('same every time', derandomize=True, deadline=None)
settings.load_profile('same every time')


@pytest.fixture(scope='session', autouse=True)
def _scenes():
    """The synthetic scenes that many tests read, written by one of the test processes."""
    (ROOT / 'data').mkdir(exist_ok=True)
    with FileLock(ROOT / 'data/scenes.lock'):
        for root, split, count, seed, max_objects in (
                ('scenes_tiny', 'train', 32, 0, 8), ('scenes_tiny', 'test', 8, 1000, 8),
                ('scenes', 'test', 500, 1000, 8),
                ('scenes_one_tiny', 'train', 32, 10, 1), ('scenes_one_tiny', 'test', 16, 1010, 1)):
            write_coco_folder(ROOT / 'data' / root, split, count, seed, max_objects=max_objects)


@pytest.fixture(scope='session', autouse=True)
def _configs_are_written_as_they_come():
    """mmengine has a config formatted by yapf, half a second of it, several times a run and for each checkpoint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, False))
        yield


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch):
    """Configs name their data relative to the project."""
    monkeypatch.chdir(ROOT)
    init_default_scope('mmdet')
    torch.manual_seed(0)


@pytest.fixture
def data() -> Path:
    """Real pictures and golden vectors, where ``VISIONLLM_DATA`` points to."""
    folder = os.environ.get('VISIONLLM_DATA', '')
    if not folder or not Path(folder).is_dir():
        pytest.skip('VISIONLLM_DATA does not point to the folder of real data (data/README.md)')
    return Path(folder).resolve()


def load_config(path: str) -> Config:
    return Config.fromfile(ROOT / path)


@pytest.fixture(scope='session')
def tiny():
    """The tiny VisionLLM: every part real, two layers of each, random weights. Do not train it."""
    from mmdet.registry import MODELS
    init_default_scope('mmdet')
    torch.manual_seed(0)
    model = MODELS.build(load_config('configs/visionllm/visionllm_tiny_scenes.py').model)
    return model.eval()


def diamond(box):
    """The ring of a diamond in an xyxy box, as COCO writes it."""
    x1, y1, x2, y2 = box
    return np.array([(x1 + x2) / 2, y1, x2, (y1 + y2) / 2, (x1 + x2) / 2, y2, x1, (y1 + y2) / 2])


def sample_batch(instruction: str, num_images: int = 2, names=None, num_objects: int = 3):
    """Random pictures with boxes, as a dataloader gives them."""
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import PolygonMasks
    from mmengine.structures import InstanceData

    from visionllm.datasets.instruct import instance_contours, target_points
    from visionllm.datasets.scenes import SHAPES
    from visionllm.language import parse_format
    names = tuple(names or SHAPES)
    generator = torch.Generator().manual_seed(0)
    inputs, samples = [], []
    for index in range(num_images):
        corner = torch.rand(num_objects, 2, generator=generator) * 80
        boxes = torch.cat([corner, corner + 30], 1)
        sample = DetDataSample(metainfo=dict(
            img_id=index, img_shape=(128, 128), ori_shape=(128, 128), scale_factor=(1.0, 1.0), text=names,
            instruction=instruction, turns=('a star', 'and what else?', 'two red circles and a heart')))
        sample.gt_instances = InstanceData(
            bboxes=boxes, labels=torch.randint(len(names), (num_objects,), generator=generator),
            masks=PolygonMasks([[diamond(box)] for box in boxes.numpy()], 128, 128))
        asked = parse_format(instruction)
        places = torch.rand(num_objects, asked.num_points, 2, generator=torch.Generator().manual_seed(1))
        seen = torch.full((num_objects, asked.num_points, 1), 2.0)
        sample.gt_instances.keypoints = torch.cat([corner[:, None] + 30 * places, seen], -1)
        sample.gt_instances.points = target_points(sample.gt_instances, asked, asked.point_names)
        sample.gt_instances.contours = instance_contours(sample.gt_instances)
        inputs.append(torch.randint(255, (3, 128, 128), dtype=torch.uint8, generator=generator))
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


def stage_runner(model, batches, precision='OptimWrapper'):
    """What a pre-training stage needs of a runner; the configs of the dataloaders that it builds are in ``built``."""
    built = []
    dataset = dict(type='SceneDataset', data_root='data/scenes_tiny/', split='train', num_images=32, seed=0)
    cfg = ConfigDict(train_dataloader=dict(dataset=dataset, sampler=dict(type='MixtureSampler', weights=[1, 1])),
                     optim_wrapper=dict(type=precision))
    return SimpleNamespace(iter=0, model=model, seed=0, cfg=cfg, built=built,
                           build_dataloader=lambda config, seed: built.append(config) or batches)


def tiny_runner(work_dir, precision='OptimWrapper'):
    """Two steps of training the tiny model, a checkpoint after each."""
    from visionllm.engine import StrictRunner
    cfg = load_config('configs/visionllm/visionllm_tiny_scenes.py')
    cfg.work_dir, cfg.experiment_name = str(work_dir), str(work_dir).replace('/', '-')
    cfg.optim_wrapper.type = precision
    cfg.train_cfg.max_iters = 2
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.default_hooks.checkpoint.interval = 1
    return StrictRunner.from_cfg(cfg)

"""The guide to own data (docs/learn/own-data.md) on images of Pascal VOC with renamed classes: AP rises."""

import json
import re
import shlex

import pytest

from visionllm import VisionLLM

from ..conftest import ROOT

GUIDE = ROOT / 'docs/learn/own-data.md'
CONFIG = ROOT / 'configs/visionllm/visionllm_ssd-mobilenet-v2_finetune.py'
RENAMED = dict(cat='companion animal', dog='companion animal', cow='livestock', horse='livestock', sheep='livestock',
               bird='fowl')
NAMES = sorted(set(RENAMED.values()))
COUNTS = dict(train=48, val=20)
STEPS, WARM_UP = 12, 4


@pytest.fixture
def own(data, tmp_path, monkeypatch):
    """A small data set in COCO's layout, as links."""
    content = json.loads((data / 'voc-384/instances_train.json').read_text())
    name_of = {category['id']: category['name'] for category in content['categories']}
    chosen = {}
    for annotation in content['annotations']:
        if name_of[annotation['category_id']] in RENAMED:
            chosen.setdefault(annotation['image_id'], []).append(annotation)
    images = iter([image for image in content['images'] if image['id'] in chosen])
    (tmp_path / 'own/annotations').mkdir(parents=True)
    for split, count in COUNTS.items():
        (tmp_path / 'own' / split).mkdir()
        own = dict(images=[next(images) for _ in range(count)], annotations=[],
                   categories=[dict(id=k, name=name) for k, name in enumerate(NAMES, 1)])
        for image in own['images']:
            (tmp_path / 'own' / split / image['file_name']).symlink_to(data / 'voc-384/images' / image['file_name'])
            own['annotations'] += [each | dict(category_id=1 + NAMES.index(RENAMED[name_of[each['category_id']]]))
                                   for each in chosen[image['id']]]
        (tmp_path / f'own/annotations/instances_{split}.json').write_text(json.dumps(own))
    for name, value in dict(COCO=tmp_path / 'own', TRAIN='train', VAL='val').items():
        monkeypatch.setenv(f'VISIONLLM_{name}', str(value))
    return tmp_path / 'own'


def guide(own, work_dir):
    """The commands of the page in order, on this data, with fewer steps."""
    block = GUIDE.read_text().split('```bash')[1].split('```')[0]
    lines = [line.split('  #')[0].strip() for line in block.splitlines() if line.startswith('visionllm ')]
    for line in lines:
        line = line.replace('data/own', str(own)).replace('iter_300', f'iter_{STEPS}')
        line = line.replace('work_dirs/own', str(work_dir)).replace('own_model', f'{work_dir}/model')
        command = shlex.split(line.replace('photo.jpg', str(ROOT / 'visionllm/images/cat.jpg')))[1:]
        if 'convert' in command:
            continue
        if command[0] == 'train':
            command += ['--cfg-options', f'train_cfg.max_iters={STEPS}', f'train_cfg.val_interval={STEPS + 1}',
                        'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False',
                        'train_dataloader.batch_size=4', f'default_hooks.checkpoint.interval={STEPS}',
                        f'param_scheduler.0.end={WARM_UP}', f'param_scheduler.1.begin={WARM_UP}',
                        f'param_scheduler.1.end={STEPS}', f'param_scheduler.1.T_max={STEPS - WARM_UP}']
        if command[0] == 'test':
            command += ['--work-dir', str(work_dir / 'test')]
        yield command


def test_the_guide_makes_a_better_model(call, own, tmp_path):
    aps, commands = [], []
    for command in guide(own, tmp_path):
        done = call(*command)
        assert done.code == 0, (command, done.err[-2000:])
        commands.append(command[0])
        if command[0] == 'test':
            aps.append(float(re.search(r'coco/bbox_mAP: +([\d.]+)', done.out + done.err)[1]))
    assert commands == ['data', 'test', 'train', 'test', 'export', 'predict']
    assert aps[1] > aps[0] + 0.02, aps  # the names are understood before
    assert (tmp_path / 'report/report.html').exists()
    trained = VisionLLM(CONFIG, tmp_path / f'iter_{STEPS}.pth')
    state = trained.inferencer.model.state_dict()  # the folder is in float16
    trained.inferencer.model.load_state_dict({name: value.half() if value.is_floating_point() else value
                                              for name, value in state.items()})
    expected, found = (model.predict(ROOT / 'visionllm/images/cat.jpg', classes=NAMES, threshold=0.05)[0]
                       for model in (trained, VisionLLM(tmp_path / 'model')))
    assert found.names and found.names == expected.names
    assert found.scores == pytest.approx(expected.scores, abs=1e-4)

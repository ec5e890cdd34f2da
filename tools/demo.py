"""What ``make demo`` shows: measure the shipped detector, give it five orders, train on for two minutes."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope
from PIL import Image

from visionllm.apis import Inferencer, draw, write_answers
from visionllm.datasets.scenes import SHAPES
from visionllm.language import TASKS, write_instruction

CONFIG = 'configs/visionllm/visionllm_nano_scenes.py'
CHECKPOINT = 'weights/visionllm_nano_scenes.safetensors'
ORDERS = {
    'all classes': SHAPES,
    'two classes': ('star', 'heart'),
    'another order': tuple(reversed(SHAPES)),
    'free phrases': ('ring-shaped object', 'crescent moon', 'five-pointed star', 'round disc'),
    'nothing that is there': ('dog', 'airplane', 'banana'),
}
PICTURES = (3, 7, 4, 24, 8)  # of the unseen scenes, one an order


def tool(name: str, *arguments: str) -> list[str]:
    return [sys.executable, str(Path(__file__).with_name(f'{name}.py')), *arguments]


def show_orders(out: Path) -> None:
    """Five instructions on five unseen pictures, drawn into ``out``."""
    cfg = Config.fromfile(CONFIG)
    init_default_scope('mmdet')
    dataset = DATASETS.build({**cfg.test_dataloader.dataset, 'pipeline': []})
    inferencer = Inferencer.from_files(CONFIG, CHECKPOINT)
    task = TASKS['detection']
    answers = []
    wordings = task.held_out + task.wordings  # the first four were never trained on
    for (title, names), index, wording in zip(ORDERS.items(), PICTURES, wordings):
        sentence = write_instruction(names, wording, task.output_format)
        print(f'[{title}] {sentence}')
        answers.append(inferencer(dataset.get_data_info(index)['img_path'], sentence, score_thr=0.4))
    print('\n'.join(write_answers(answers, out)))
    drawn = [draw(answer) for answer in answers]
    height = max(len(image) for image in drawn)
    padded = [np.pad(i, ((0, height - len(i)), (4, 4), (0, 0)), constant_values=255) for i in drawn]
    Image.fromarray(np.concatenate(padded, 1)).save(out / 'sheet.png')


def train_on(steps: int) -> None:
    """Go on training from the shipped weights; the loss must fall."""
    command = tool('train', CONFIG, '--work-dir', 'work_dirs/demo', '--cfg-options', f'load_from={CHECKPOINT}',
                   'model.init_cfg=None', 'custom_hooks=[]', f'train_cfg.max_iters={steps}',
                   f'train_cfg.val_interval={steps + 1}', 'default_hooks.logger.interval=5',
                   f'param_scheduler.1.end={steps}', f'param_scheduler.1.T_max={max(steps - 20, 1)}')
    done = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if 'Iter(train)' in line]
    for line in lines:
        print(re.sub(r'.*Iter\(train\)', 'Iter(train)', re.sub(r'd\d\.\S+: \S+\s*', '', line)))
    if done.returncode:
        sys.exit(done.stderr[-3000:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--steps', type=int, default=40, help='training steps, about three seconds each on 2 cores')
    args = parser.parse_args()
    print('1. COCO table of the shipped detector on 500 unseen scenes', flush=True)
    subprocess.run(tool('test', CONFIG, CHECKPOINT, '--work-dir', 'work_dirs/demo'), check=True)
    print('\n2. Five orders, five pictures', flush=True)
    show_orders(Path('outputs/demo'))
    print(f'\n3. Training on for {args.steps} steps', flush=True)
    train_on(args.steps)
    print('\nPictures: outputs/demo, logs and curves: work_dirs/demo')


if __name__ == '__main__':
    main()

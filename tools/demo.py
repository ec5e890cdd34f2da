"""What ``make demo`` shows: measure the shipped detector, give it five orders, teach it other classes."""

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
COLOURS = 'configs/visionllm/visionllm_nano_scenes-colours.py'
CHECKPOINT = 'weights/visionllm_nano_scenes.safetensors'
ORDERS = {
    'all classes': SHAPES,
    'two classes': ('star', 'heart'),
    'another order': tuple(reversed(SHAPES)),
    'free phrases': ('heart symbol', 'arrow sign', 'half moon', 'ring-shaped object'),
    'nothing that is there': ('dog', 'airplane', 'banana'),
}
PICTURES = (11, 7, 4, 3, 8)  # of the unseen scenes, one an order


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


def train_on() -> None:
    """Teach the shipped detector other classes; the loss must fall."""
    command = tool('train', COLOURS, '--work-dir', 'work_dirs/demo')
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as training:
        lines = []
        for line in training.stdout:
            lines.append(line)
            if 'Iter(train)' in line:
                print(re.sub(r'.*Iter\(train\)', 'Iter(train)', re.sub(r'd\d\.\S+: \S+\s*', '', line)), end='',
                      flush=True)
    if training.returncode:
        sys.exit(''.join(lines)[-3000:])
    losses = [float(value) for value in re.findall(r'Iter\(train\).* loss: (\S+)', ''.join(lines))]
    print(f'Loss: {np.mean(losses[:3]):.2f} -> {np.mean(losses[-3:]):.2f}')


def main() -> None:
    print('1. COCO table of the shipped detector on 500 unseen scenes', flush=True)
    subprocess.run(tool('test', CONFIG, CHECKPOINT, '--work-dir', 'work_dirs/demo'), check=True)
    print('\n2. Five orders, five pictures', flush=True)
    show_orders(Path('outputs/demo'))
    print('\n3. The same detector learns to go by colours', flush=True)
    train_on()
    print('\nPictures: outputs/demo, logs and curves: work_dirs/demo')


if __name__ == '__main__':
    main()

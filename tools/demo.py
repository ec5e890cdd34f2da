"""What ``make demo`` shows: measure the shipped model at five tasks, give it seven orders, teach it other classes."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS
from PIL import Image

from visionllm.apis import SHIPPED, Inferencer, draw, write_answers
from visionllm.apis.studies import Study, figures_of
from visionllm.datasets.scenes import SHAPES
from visionllm.language import TASKS

COLOURS = 'configs/visionllm/visionllm_nano_scenes-colours.py'
MEASURED = dict(detection=200, segmentation=40, grounding=200, captioning=100, questions=200)  # samples


def orders() -> list[tuple[int, str, str]]:
    """Numbers of unseen scenes, a task, and what is asked of each: a wording that the task was never trained on."""
    def ask(number: int, task: str, names: tuple[str, ...] = (), points: int | None = None,
            question: str = '') -> tuple[int, str, str]:
        return number, task, TASKS[task].order(names, len(TASKS[task].wordings), points, question=question)

    return [
        ask(11, 'detection', SHAPES),
        ask(7, 'detection', ('heart symbol', 'arrow sign', 'half moon', 'ring-shaped object')),
        ask(8, 'detection', ('dog', 'chair', 'banana')),
        ask(4, 'segmentation', SHAPES, points=24),
        ask(12, 'grounding', ('the cross below the square', )),
        ask(6, 'captioning'),
        ask(11, 'questions', question='what colour is the star?'),
    ]


def tool(name: str, *arguments: str) -> list[str]:
    return [sys.executable, str(Path(__file__).with_name(f'{name}.py')), *arguments]


def show_figures(model) -> None:
    """One line a task."""
    for task, count in MEASURED.items():
        study = Study.of(model, SHIPPED[0], count, task)
        figures = '  '.join(f'{name} {value:.1f}' for name, value in figures_of(study).items())
        print(f'{task:13s}{count:4d} samples  {figures}', flush=True)


def show_orders(inferencer: Inferencer, out: Path) -> None:
    """Seven instructions on seven unseen pictures, drawn into ``out``."""
    cfg = Config.fromfile(SHIPPED[0])
    pictures = DATASETS.build({**cfg.test_dataloader.dataset.datasets[0], 'pipeline': []})
    answers = []
    for index, task, sentence in orders():
        path = pictures.get_data_info(index)['img_path']
        phrase = task == 'grounding'  # it means one object, however certain
        answers.append(inferencer(path, sentence, 0.0).best() if phrase else inferencer(path, sentence, 0.4))
    print('\n'.join(write_answers(answers, out)))
    drawn = [draw(answer) for answer in answers]
    height = max(len(image) for image in drawn)
    padded = [np.pad(i, ((0, height - len(i)), (4, 4), (0, 0)), constant_values=255) for i in drawn]
    Image.fromarray(np.concatenate(padded, 1)).save(out / 'sheet.png')


def train_on() -> None:
    """Teach the shipped model other classes; the loss must fall."""
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
    inferencer = Inferencer.from_files(*SHIPPED)
    print('1. The shipped model at five tasks, on unseen scenes', flush=True)
    show_figures(inferencer.model)
    print('\n2. Seven orders, seven pictures', flush=True)
    show_orders(inferencer, Path('outputs/demo'))
    print('\n3. The same model learns to go by colours', flush=True)
    train_on()
    print('\nPictures: outputs/demo, logs and curves: work_dirs/demo')


if __name__ == '__main__':
    main()

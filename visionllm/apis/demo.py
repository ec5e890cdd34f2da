"""What ``make demo`` shows: photographs; the model for scenes at five tasks, with instructions, and fine-tuned."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS
from PIL import Image

from visionllm.datasets.scenes import SHAPES
from visionllm.language import TASKS
from visionllm.visualization import Prediction, draw, write_predictions

from .inferencer import ROOT, SHIPPED, Inferencer
from .studies import evaluate_task
from .study import Study

# free photographs (docs/images/README.md), tasks, and what is asked; the last are not all answered rightly
PHOTOGRAPHS = (('astronaut', 'detection', dict(names=('person', 'rocket', 'dog'))),
               ('cat', 'segmentation', dict(names=('cat', 'dog', 'couch'), num_points=24)),
               ('cat', 'detection', dict(names=('animal', 'vehicle'))),
               ('coffee', 'segmentation', dict(names=('spoon', 'cup', 'dining table'), num_points=24)),
               ('coffee', 'grounding', dict(names=('the cup left of the spoon', ))),
               ('cat', 'captioning', {}),
               ('coffee', 'questions', dict(question='is there a spoon?')),
               ('coffee', 'detection', dict(names=('mug', 'teaspoon', 'kitten'))),
               ('astronaut', 'captioning', {}))
COLORS_CONFIG = 'configs/visionllm/visionllm_nano_scenes-colours.py'
NUM_SAMPLES = dict(detection=200, segmentation=40, grounding=200, captioning=100, questions=200)


def instructions() -> list[tuple[int, str, str]]:
    """Index of an unseen scene, task and instruction of each example, in wordings that are held out of training."""
    def example(index: int, task: str, names: tuple[str, ...] = (), points: int | None = None,
                question: str = '') -> tuple[int, str, str]:
        return index, task, TASKS[task].write_instruction(names, len(TASKS[task].wordings), points, question=question)

    return [
        example(11, 'detection', SHAPES),
        example(7, 'detection', ('heart symbol', 'arrow sign', 'half moon', 'ring-shaped object')),
        example(8, 'detection', ('dog', 'chair', 'banana')),
        example(4, 'segmentation', SHAPES, points=24),
        example(12, 'grounding', ('the cross below the square', )),
        example(6, 'captioning'),
        example(11, 'questions', question='what colour is the star?'),
    ]


def show_photographs(out: Path) -> None:
    """Answer instructions on photographs, and draw the predictions into ``out``."""
    inferencer = Inferencer.from_files(*SHIPPED['photographs'])
    predictions, asked = [], []
    for image, task, options in PHOTOGRAPHS:
        prediction = inferencer(ROOT / f'docs/images/{image}.jpg', TASKS[task].write_instruction(**options))
        predictions.append(prediction.best() if task == 'grounding' else prediction)
        asked.append(options.get('question') or f'{", ".join(options.get("names", (task, )))}?')
    print('\n'.join(f'{each} {line}' for each, line in zip(asked, write_predictions(predictions, out))), flush=True)
    save_sheet(predictions, out)


def evaluate(model) -> None:
    """Print the metrics of the shipped model, one line per task."""
    for task, count in NUM_SAMPLES.items():
        study = Study.from_model(model, SHIPPED['scenes'][0], count, task)
        metrics = '  '.join(f'{name} {value:.1f}' for name, value in evaluate_task(study).items())
        print(f'{task:13s}{count:4d} samples  {metrics}', flush=True)


def show_examples(inferencer: Inferencer, out: Path) -> None:
    """Predict for seven instructions on seven unseen scenes, and draw the predictions into ``out``."""
    cfg = Config.fromfile(SHIPPED['scenes'][0])
    images = DATASETS.build({**cfg.test_dataloader.dataset.datasets[0], 'pipeline': []})
    predictions = []
    for index, task, instruction in instructions():
        path = images.get_data_info(index)['img_path']
        if task == 'grounding':  # one object
            predictions.append(inferencer(path, instruction, 0.0).best())
        else:
            predictions.append(inferencer(path, instruction, 0.4))
    print('\n'.join(write_predictions(predictions, out)))
    save_sheet(predictions, out)


def save_sheet(predictions: list[Prediction], out: Path) -> None:
    """All drawings in one row, ``sheet.png``."""
    drawings = [draw(prediction) for prediction in predictions]
    height = max(map(len, drawings))
    padded = [np.pad(i, ((0, height - len(i)), (4, 4), (0, 0)), constant_values=255) for i in drawings]
    Image.fromarray(np.concatenate(padded, 1)).save(out / 'sheet.png')


def fine_tune() -> None:
    """Fine-tune the shipped model to other classes and print its loss."""
    command = [sys.executable, str(ROOT / 'tools/train.py'), COLORS_CONFIG, '--work-dir', 'work_dirs/demo']
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


def run_demo() -> None:
    """Photographs; evaluation, seven instructions and fine-tuning on scenes."""
    print('1. Photographs, classes by name', flush=True)
    show_photographs(Path('outputs/demo/photographs'))
    inferencer = Inferencer.from_files(*SHIPPED['scenes'])
    print('\n2. The model for synthetic scenes at five tasks, on unseen scenes', flush=True)
    evaluate(inferencer.model)
    print('\n3. Seven instructions, seven scenes', flush=True)
    show_examples(inferencer, Path('outputs/demo/scenes'))
    print('\n4. The same model fine-tuned to classes by colour', flush=True)
    fine_tune()
    print('\nImages: outputs/demo, logs and curves: work_dirs/demo')

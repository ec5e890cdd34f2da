"""What ``make demo`` shows: photographs; the model for scenes at five tasks, with instructions, and fine-tuned."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS
from PIL import Image

from visionllm import VisionLLM
from visionllm.apis.shipped import SHIPPED
from visionllm.apis.studies import evaluate_task
from visionllm.apis.study import Study
from visionllm.assets import IMAGES
from visionllm.datasets.scenes import SHAPES
from visionllm.language import TASKS
from visionllm.visualization import Prediction, draw, write_predictions

# free photographs (visionllm/images/README.md) and what is asked; the last are not all answered rightly
PHOTOGRAPHS = (('astronaut', dict(classes=('person', 'rocket', 'dog'))),
               ('cat', dict(classes=('cat', 'dog', 'couch'), points=24)),
               ('cat', dict(classes=('animal', 'vehicle'))),
               ('coffee', dict(classes=('spoon', 'cup', 'dining table'), points=24)),
               ('coffee', dict(expression='the cup left of the spoon')),
               ('cat', dict(caption=True)),
               ('coffee', dict(question='is there a spoon?')),
               ('coffee', dict(classes=('mug', 'teaspoon', 'kitten'))),
               ('astronaut', dict(caption=True)))
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
    model = VisionLLM('photo', device='cpu')
    predictions = [model.predict(IMAGES / f'{image}.jpg', **request)[0] for image, request in PHOTOGRAPHS]
    for (image, request), (prediction, drawing) in zip(PHOTOGRAPHS, write_predictions(predictions, out)):
        print(f'{image}: {asked(request)}? {prediction} -> {drawing}', flush=True)
    save_sheet(predictions, out)


def asked(request: dict) -> str:
    """What a request asks for, in a few words."""
    what = request.get('classes') or request.get('question') or request.get('expression') or 'a caption'
    return (what if isinstance(what, str) else ', '.join(what)).rstrip('?')


def evaluate(model: VisionLLM) -> None:
    """Print the metrics of the shipped model, one line per task."""
    for task, count in NUM_SAMPLES.items():
        study = Study.from_model(model, SHIPPED['scenes'][0], count, task)
        metrics = '  '.join(f'{name} {value:.1f}' for name, value in evaluate_task(study).items())
        print(f'{task:13s}{count:4d} samples  {metrics}', flush=True)


def show_examples(model: VisionLLM, out: Path) -> None:
    """Predict for seven instructions on seven unseen scenes, and draw the predictions into ``out``."""
    cfg = Config.fromfile(SHIPPED['scenes'][0])
    images = DATASETS.build({**cfg.test_dataloader.dataset.datasets[0], 'pipeline': []})
    predictions = []
    for index, task, instruction in instructions():
        path = images.get_data_info(index)['img_path']
        prediction, = model.predict(path, instruction=instruction, threshold=0.0 if task == 'grounding' else 0.4)
        predictions.append(prediction.best() if task == 'grounding' else prediction)
    for prediction, drawing in write_predictions(predictions, out):
        print(f'{prediction.path}: {prediction} -> {drawing}')
    save_sheet(predictions, out)


def save_sheet(predictions: list[Prediction], out: Path) -> None:
    """All drawings in two rows, ``sheet.png``."""
    drawings = [draw(prediction) for prediction in predictions]
    columns = (len(drawings) + 1) // 2
    rows = [join_row(drawings[:columns]), join_row(drawings[columns:])]
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 8), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    Image.fromarray(np.concatenate(padded)).save(out / 'sheet.png')


def join_row(drawings: list[np.ndarray]) -> np.ndarray:
    """Drawings ``uint8[H, W, 3]`` of any sizes beside one another, as one, on white."""
    height = max(map(len, drawings))
    return np.concatenate([np.pad(each, ((0, height - len(each)), (4, 4), (0, 0)), constant_values=255)
                           for each in drawings], 1)


def fine_tune() -> None:
    """Fine-tune the shipped model to other classes and print its loss."""
    command = [sys.executable, '-m', 'visionllm', 'train', COLORS_CONFIG, '--work-dir', 'work_dirs/demo']
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


def run_demo(with_scenes: bool) -> None:
    """Photographs; with scenes also the evaluation, seven instructions and fine-tuning on them, in the project's
    folder."""
    print('1. Photographs, classes by name', flush=True)
    show_photographs(Path('outputs/demo/photographs'))
    if not with_scenes:
        print('\nImages: outputs/demo')
        return
    scenes = VisionLLM('scenes', device='cpu')
    print('\n2. The model for synthetic scenes at five tasks, on unseen scenes', flush=True)
    evaluate(scenes.inferencer.model)
    print('\n3. Seven instructions, seven scenes', flush=True)
    show_examples(scenes, Path('outputs/demo/scenes'))
    print('\n4. The same model fine-tuned to classes by colour', flush=True)
    fine_tune()
    print('\nImages: outputs/demo, logs and curves: work_dirs/demo')

"""Look inside a model: what it attends to, how it reads class names, where it samples, and its polygons on the truth.

    visionllm inspect attention photo.jpg --classes animal food --out inspected
    visionllm inspect classes photo.jpg --classes cat dog
    visionllm inspect sampling scene.png --classes star --model scenes
    visionllm inspect polygons CONFIG CHECKPOINT --num-images 16

attention  what the class query of an answer attends to among image tokens and instruction; for a model that reads the
           words of a detector's vocabulary, as photo does, which words belong to each class
classes    logits of the classes at the best image tokens
sampling   where the image tokenizer samples the image for an answer
polygons   predicted polygons over annotated ones, of a config's test set, with their IoU
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from visionllm.thresholds import SCORE_THRESHOLD

from .common import add_config, load_config
from .predict import add_model

if TYPE_CHECKING:
    from torch import nn

    from visionllm.apis.inspection import Reading

VIEWS = {'attention': 'what an answer attends to, or which words belong to a class',
         'classes': 'logits of the classes at the best image tokens',
         'sampling': 'where the image tokenizer samples the image'}
OUT = Path('inspected')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    views = parser.add_subparsers(dest='view', metavar='VIEW', required=True)
    for name, help_text in VIEWS.items():
        view = views.add_parser(name, help=help_text)
        view.add_argument('image', help='image file')
        view.add_argument('--classes', nargs='+', required=True, metavar='NAME', help='names of things to find')
        view.add_argument('--count', type=int, metavar='N', help='answers (or words) that are shown')
        _add_out(view)
        add_model(view)
    polygons = views.add_parser('polygons', help='predicted polygons over annotated ones')
    add_config(polygons, checkpoint=True)
    polygons.add_argument('--num-images', type=int, default=16, metavar='N', help='first images (default 16)')
    polygons.add_argument('--threshold', type=float, default=SCORE_THRESHOLD, metavar='SCORE',
                          help=f'minimum score (default {SCORE_THRESHOLD})')
    _add_out(polygons)


def _add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--out', type=Path, default=OUT, metavar='DIR', help=f'folder for pictures (default {OUT})')


def run(args: argparse.Namespace) -> None:
    """Draw a view."""
    if args.view == 'polygons':
        run_polygons(args)
        return
    from visionllm import VisionLLM
    from visionllm.annotations import read_image
    from visionllm.apis.inspection import read_image_with
    from visionllm.inference.request import Request
    model = VisionLLM(args.model, args.checkpoint, args.device)
    reading = read_image_with(model.inferencer, read_image(args.image), Request(classes=args.classes).write())
    path = args.out / f'{Path(args.image).stem}_{args.view}.png'
    print(f'{path}: {draw_view(args.view, reading, model, path, args.count)}')


def draw_view(view: str, reading: 'Reading', model: 'nn.Module', path: Path, count: int | None) -> str:
    """Draw one of ``VIEWS``, and say what it shows."""
    from visionllm.apis import inspection, inspection_charts
    if view == 'classes':
        inspection_charts.draw_classes(reading, path, count or 10)
        return 'logits of the classes at the best image tokens'
    if view == 'sampling':
        inspection_charts.draw_sampling(reading, *inspection.sampling_of_tokens(model.inferencer, reading), path,
                                        count or 3)
        return 'where the image tokenizer samples for the best answers'
    if reading.head.class_reader.reads_tokens:
        inspection_charts.draw_attention(reading, inspection.attention_of_tokens(reading), path, count or 3)
        return 'what the best answers attend to'
    inspection_charts.draw_words(inspection.classes_of_words(reading), path, count or 24)
    return 'to which class each word of the detector belongs (this model reads these words, and no image tokens)'


def run_polygons(args: argparse.Namespace) -> None:
    """Draw polygons of a test set over the truth."""
    load_config(args)  # reports what is wrong with it in one sentence
    from visionllm.apis.polygons_on_truth import draw_polygons_on_truth
    from visionllm.apis.study import Study
    study = Study.from_files(args.config, args.checkpoint, args.num_images, 'segmentation')
    overlaps = []
    for drawing in draw_polygons_on_truth(study, args.out, args.threshold):
        overlaps += drawing.overlaps
        print(f'{drawing.path}: IoU {", ".join(f"{overlap:.2f}" for overlap in drawing.overlaps) or "of nothing"}',
              flush=True)
    print(f'mean IoU of {len(overlaps)} polygons: {sum(overlaps) / max(len(overlaps), 1):.3f}')

"""Find what you name on images, describe them, or answer questions about them.

    visionllm predict photo.jpg --classes dog "traffic light"
    visionllm predict photos/ --classes @names.txt --coco labels.json
    visionllm predict photo.jpg --classes cat --points 24
    visionllm predict photo.jpg --expression "the dog on the left"
    visionllm predict photo.jpg --question "how many dogs are there?"
    visionllm predict photo.jpg --caption
    visionllm predict video.mp4 --classes person --threshold 0.5 | jq .objects
    visionllm predict photo.jpg --instruction 'Find {"cat": <c0>, "dog": <c1>} as (c, x1, y1, x2, y2) in <image>'
    visionllm predict scene.png --model scenes --classes star --parts top "bottom left"

In a terminal the answers are lines of text, with a drawing of each; into a pipe or a file they are lines of JSON, one
an image. Images that cannot be read are named at the end, with exit code 1, or 2 if none could be read.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from visionllm.thresholds import EXPRESSION_THRESHOLD, SCORE_THRESHOLD

if TYPE_CHECKING:
    from visionllm.visualization import Prediction


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument('sources', nargs='+', metavar='SOURCE',
                        help='image, folder, pattern, URL, video or webcam; several are possible')
    add_model(parser)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument('--classes', nargs='+', metavar='NAME',
                      help='names of things to find, any number; @FILE reads them from a file, one a line')
    task.add_argument('--expression', help='referring expression: find its object')
    task.add_argument('--question', help='question to answer')
    task.add_argument('--caption', action='store_true', help='describe the images')
    task.add_argument('--instruction', help='the whole instruction: class map, output format and <image>')
    output = parser.add_mutually_exclusive_group()
    output.add_argument('--points', type=int, metavar='N', help='with --classes: polygons of N points instead of boxes')
    output.add_argument('--parts', nargs='+', metavar='NAME',
                        help='with --classes: keypoints of these names instead of boxes')
    parser.add_argument('--threshold', type=read_threshold, metavar='SCORE',
                        help=f'minimum score of an object (default {SCORE_THRESHOLD}; {EXPRESSION_THRESHOLD} for '
                             '--expression), or a JSON file with one for each name, as test --report writes it')
    parser.add_argument('--batch-size', type=int, default=8, metavar='N', help='images computed together (default 8)')
    parser.add_argument('--num-beams', type=int, metavar='N',
                        help='text: hypotheses of a beam search (default: 5 for captions by photo, else 1)')
    parser.add_argument('--temperature', type=float, default=0.0,
                        help='text: of sampling; 0 for the likeliest answer (default)')
    parser.add_argument('--format', choices=['text', 'json'],
                        help='of the answers (default: text in a terminal, else json)')
    parser.add_argument('--out', metavar='DIR',
                        help='folder for drawings and answers.json (default in a terminal: outputs)')
    parser.add_argument('--coco', metavar='FILE', help='also write all objects as a COCO annotation file')


def add_model(parser: argparse.ArgumentParser) -> None:
    """Which model, and where it runs."""
    parser.add_argument('--model', default='photo',
                        help='photo (default), scenes, a folder, an id on the Hugging Face hub, or a config (.py)')
    parser.add_argument('--checkpoint', metavar='FILE', help='weights of a config')
    parser.add_argument('--device', help='cpu, cuda, cuda:1 ... (default: a GPU where there is one)')


def read_threshold(text: str) -> float | dict[str, float]:
    """A number, or the content of a JSON file of numbers by name; argparse reports anything else."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        content = json.loads(Path(text).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise argparse.ArgumentTypeError(f'{text} is neither a number nor a JSON file such as {{"cat": 0.4}}')
    return content


def run(args: argparse.Namespace) -> None:
    """Predict, and print answers as they come."""
    if sys.stderr.isatty():  # the first answer takes some seconds
        print(f'Loading {args.model} ...', file=sys.stderr)
    from visionllm import VisionLLM
    from visionllm.inference.coco import write_coco
    from visionllm.visualization import write_predictions
    request = {name: getattr(args, name) for name in ('classes', 'expression', 'question', 'instruction', 'points',
                                                      'parts')}
    model = VisionLLM(args.model, args.checkpoint, args.device)
    model.set_generation(args.num_beams, args.temperature)
    unreadable: list[str] = []
    predictions = model.predict(args.sources, **request, caption=args.caption, threshold=args.threshold,
                                batch_size=args.batch_size, stream=True, unreadable=unreadable)
    as_text = args.format == 'text' or args.format is None and sys.stdout.isatty()
    folder = args.out or ('outputs' if sys.stdout.isatty() else None)
    if args.coco:
        predictions = write_coco(predictions, args.coco)
    drawn = write_predictions(predictions, folder) if folder else ((each, None) for each in predictions)
    count = 0
    for prediction, drawing in drawn:
        print(line_of(prediction, drawing) if as_text else prediction.to_json(), flush=True)
        count += 1
    for message in unreadable:
        print(f'error: {message}', file=sys.stderr)
    sys.exit(0 if not unreadable else 1 if count else 2)


def line_of(prediction: 'Prediction', drawing: object) -> str:
    """An answer as a line of text, with the file of its drawing if there is one."""
    return f'{prediction.path}: {prediction}' + (f' -> {drawing}' if drawing else '')

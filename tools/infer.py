"""Find what you name on photographs, describe them, or answer questions about them.

    python tools/infer.py IMAGE... --classes cat "traffic light" [--points 24]
    python tools/infer.py IMAGE... --expression "the dog on the left"
    python tools/infer.py IMAGE... --question "how many dogs are there?"
    python tools/infer.py IMAGE... --caption [--num-beams 3]
    python tools/infer.py IMAGE... --instruction "Find {\"cat\": <c0>, ...} as (c, x1, y1, x2, y2) in <image>"
    python tools/infer.py SCENE... --model scenes --classes star --parts top "bottom left"

Images that cannot be read are named at the end, with exit code 1, or 2 if none could be read.

--config CONFIG --checkpoint FILE name a model of your own. Class names may also come from a file, one a line:
--classes @names.txt. More than 80 are named in groups.
"""

import argparse
import sys
from pathlib import Path

from _cli import UsageError, existing_file, run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, fromfile_prefix_chars='@',
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('images', nargs='+', type=existing_file, help='image files')
    parser.add_argument('--model', choices=['photographs', 'scenes'], default='photographs',
                        help='a shipped model (default: photographs)')
    parser.add_argument('--config', type=existing_file, help='of a model of your own; with --checkpoint')
    parser.add_argument('--checkpoint', type=existing_file, help='its weights')
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument('--instruction', help='the whole instruction: class map, output format and <image>')
    task.add_argument('--classes', nargs='+', help='class names; the instruction is written from them')
    task.add_argument('--expression', help='referring expression: find its object')
    task.add_argument('--question', help='question to answer')
    task.add_argument('--caption', action='store_true', help='describe the images')
    output = parser.add_mutually_exclusive_group()
    output.add_argument('--points', type=int, help='with --classes: polygons of that many points instead of boxes')
    output.add_argument('--parts', nargs='+', help='with --classes: keypoints of these names instead of boxes')
    parser.add_argument('--score-thr', type=float, default=0.3,
                        help='minimum score of an object; --expression always gives the best one (default 0.3)')
    parser.add_argument('--num-beams', type=int, default=1, help='text: hypotheses of a beam search (default 1)')
    parser.add_argument('--temperature', type=float, default=0.0,
                        help='text: of sampling; 0 for the likeliest answer (default)')
    parser.add_argument('--out', default='outputs', help='folder for drawings and answers.json')
    args = parser.parse_args()
    if (args.config is None) != (args.checkpoint is None):
        parser.error('--config and --checkpoint belong together: name both, or neither for the shipped model.')
    return args


def check_task(args: argparse.Namespace) -> None:
    """Check that the shipped model for photographs is asked for what it can.

    Raises:
        UsageError: It is not.
    """
    if args.parts and args.config is None and args.model == 'photographs':
        raise UsageError('The shipped model for photographs knows no parts of things. --parts needs --model scenes, '
                         'which knows drawn shapes only, or a model of your own (--config, --checkpoint).')


def write_instruction(args: argparse.Namespace) -> str | tuple[str, ...]:
    """The instruction of parsed arguments."""
    from visionllm.language import TASKS
    if args.instruction:
        return args.instruction
    if args.classes and args.parts:
        return TASKS['keypoints'].write_instruction(args.classes, points=args.parts)
    if args.classes:
        name = 'segmentation' if args.points else 'detection'
        return TASKS[name].write_instructions(args.classes, num_points=args.points)
    if args.expression is not None:
        return TASKS['grounding'].write_instruction([args.expression])
    if args.question is not None:
        return TASKS['questions'].write_instruction(question=args.question)
    return TASKS['captioning'].write_instruction()


def main() -> None:
    args = parse_args()
    check_task(args)

    from visionllm.apis import SHIPPED, Inferencer, write_predictions
    instruction = write_instruction(args)
    inferencer = Inferencer.from_files(*((args.config, args.checkpoint) if args.config else SHIPPED[args.model]))
    inferencer.set_generation(args.num_beams, args.temperature)
    unreadable: list[str] = []
    for line in write_predictions(predict(inferencer, args, instruction, unreadable), Path(args.out)):
        print(line, flush=True)
    for message in unreadable:
        print(f'error: {message}', file=sys.stderr)
    sys.exit(0 if not unreadable else 1 if len(unreadable) < len(args.images) else 2)


def predict(inferencer, args: argparse.Namespace, instruction: str | tuple[str, ...], unreadable: list[str]):
    """Predictions of the images that can be read; messages about the others are added to ``unreadable``."""
    from visionllm.annotations import ImageError
    for path in args.images:
        try:
            prediction = inferencer(path, instruction, args.score_thr if args.expression is None else 0.0)
        except ImageError as error:
            unreadable.append(str(error))
            continue
        yield prediction if args.expression is None else prediction.best()


if __name__ == '__main__':
    run(main)

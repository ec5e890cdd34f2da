"""Ask for things in pictures.

    python tools/infer.py IMAGE... --classes star "red circle" [--points 24 | --parts top "bottom left"]
    python tools/infer.py IMAGE... --expression "the star left of the red circle"
    python tools/infer.py IMAGE... --question "how many stars are there?"
    python tools/infer.py IMAGE... --caption
    python tools/infer.py IMAGE... --instruction "Find {\"star\": <c0>, ...} as (c, x1, y1, x2, y2) in <image>"

The shipped model answers; --config CONFIG --checkpoint FILE name another. Class names may also come from a file, one a
line: --classes @names.txt. More than 80 are asked for in groups.
"""

import argparse
from pathlib import Path

from visionllm.apis import SHIPPED, Inferencer, write_answers
from visionllm.language import TASKS


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, fromfile_prefix_chars='@',
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('images', nargs='+', help='picture files')
    parser.add_argument('--config', help='of another model than the shipped one; with --checkpoint')
    parser.add_argument('--checkpoint', help='its weights')
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument('--instruction', help='the whole sentence: class set, output tuple and <image>')
    asked.add_argument('--classes', nargs='+', help='only the class names; the sentence is written for you')
    asked.add_argument('--expression', help='words that fit one object: find it')
    asked.add_argument('--question', help='answer it')
    asked.add_argument('--caption', action='store_true', help='describe the pictures')
    form = parser.add_mutually_exclusive_group()
    form.add_argument('--points', type=int, help='with --classes: outlines of that many points instead of boxes')
    form.add_argument('--parts', nargs='+', help='with --classes: the points of these names instead of boxes')
    parser.add_argument('--score-thr', type=float, default=0.3,
                        help='leave out less certain answers; --expression has one, however certain (default 0.3)')
    parser.add_argument('--out', default='outputs', help='folder for pictures and answers.json')
    args = parser.parse_args()
    if (args.config is None) != (args.checkpoint is None):
        parser.error('--config and --checkpoint belong together: name both, or neither for the shipped model.')
    if args.config is None:
        args.config, args.checkpoint = SHIPPED
    return args


def sentence(args: argparse.Namespace) -> str | tuple[str, ...]:
    """The instruction, written from what was named."""
    if args.instruction:
        return args.instruction
    if args.classes and args.parts:
        return TASKS['keypoints'].order(args.classes, points=args.parts)
    if args.classes:
        return TASKS['segmentation' if args.points else 'detection'].orders(args.classes, num_points=args.points)
    if args.expression is not None:
        return TASKS['grounding'].order([args.expression])
    if args.question is not None:
        return TASKS['questions'].order(question=args.question)
    return TASKS['captioning'].order()


def main() -> None:
    args = parse_args()
    instruction = sentence(args)
    inferencer = Inferencer.from_files(args.config, args.checkpoint)
    if args.expression is None:
        answers = [inferencer(path, instruction, args.score_thr) for path in args.images]
    else:
        answers = [inferencer(path, instruction, 0.0).best() for path in args.images]
    for line in write_answers(answers, Path(args.out)):
        print(line)


if __name__ == '__main__':
    main()

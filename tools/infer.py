"""Ask for things in pictures.

    python tools/infer.py IMAGE... --config CONFIG --checkpoint FILE --instruction "Find {\"star\": <c0>} ... <image>"
    python tools/infer.py IMAGE... --config CONFIG --checkpoint FILE --classes star "red circle"
"""

import argparse
from pathlib import Path

from visionllm.apis import Inferencer, write_answers
from visionllm.language import TASKS, write_instruction


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('images', nargs='+', help='picture files')
    parser.add_argument('--config', required=True)
    parser.add_argument('--checkpoint', required=True)
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument('--instruction', help='the whole sentence: class set, output tuple and <image>')
    asked.add_argument('--classes', nargs='+', help='only the class names; the sentence is written for you')
    parser.add_argument('--score-thr', type=float, default=0.3, help='leave out less certain answers')
    parser.add_argument('--out', default='outputs', help='folder for pictures and answers.json')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    task = TASKS['detection']
    instruction = args.instruction or write_instruction(args.classes, task.wordings[0], task.output_format)
    inferencer = Inferencer.from_files(args.config, args.checkpoint)
    answers = [inferencer(path, instruction, args.score_thr) for path in args.images]
    for line in write_answers(answers, Path(args.out)):
        print(line)


if __name__ == '__main__':
    main()

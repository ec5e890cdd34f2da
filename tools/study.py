"""Measure what a model understands: ``python tools/study.py NAME CONFIG CHECKPOINT [--num-images N]``.

obedience     half of the classes named: AP on them, and how many unnamed objects are hit
wordings      eight wordings, four never seen in training
calibration   expected calibration error of the scores, precision-recall curve
reading       the class map alone, no picture
classes       25, 50, 75 and 100 % of the classes named: AP on them
points        mask AP by the number of points that the sentence asks for
blind         questions, with the picture and without it
"""

import argparse
import json
from pathlib import Path

from visionllm.apis.studies import STUDIES, Study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('name', choices=sorted(STUDIES))
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--num-images', type=int, help='only the first pictures of the test set')
    parser.add_argument('--figure', help='draw the curves into this file (calibration)')
    parser.add_argument('--out', help='write the result here as JSON')
    args = parser.parse_args()
    measure, task = STUDIES[args.name]
    study = Study.from_files(args.config, args.checkpoint, args.num_images, task)
    extra = dict(figure=args.figure) if args.name == 'calibration' else {}
    result = measure(study, **extra)
    text = json.dumps(result, indent=1)
    print(text)
    if args.out:
        Path(args.out).write_text(text)


if __name__ == '__main__':
    main()

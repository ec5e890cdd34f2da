"""What a model understands, and what its parts are worth.

Measured on a trained model, the shipped one if none is named:
``python tools/study.py NAME [CONFIG CHECKPOINT] [--num-images N] [--task TASK]``.

obedience     half of the classes named: AP on them, and how many unnamed objects are hit
wordings      eight wordings, four never seen in training
calibration   expected calibration error of the scores, precision-recall curve
reading       the class map alone, no picture
classes       25, 50, 75 and 100 % of the classes named: AP on them
vocabulary    AP on the test classes alone, and hidden among LVIS's 1,203
bins          AP of answers rounded to so many location bins
points        mask AP by the number of points that the sentence asks for
blind         questions, with the picture and without it
figures       what tools/test.py gives, of one task (--task) and of a part of its test set
malformed     share of a task's answers that mean nothing (--task)

Those with rows print and draw them beside the paper's (docs/studies/paper.json).

Trained for it, a small run a row: ``python tools/study.py NAME [--rows "hard bins" ...]``; resumable, the rows done are
in docs/studies/NAME.json.

additions     the detector without each of our additions to the paper
tasks         five tasks from one training run against one each
lora          rank of the adapters
randomness    what of the instruction is drawn anew each batch
text_encoder  none, trained and frozen
decoding      all coordinates of a tuple at once, or one after the other
image_tokens  number of query tokens, and averages instead of queries (from scratch)
"""

import argparse
import json
from pathlib import Path

from visionllm.apis import SHIPPED
from visionllm.apis.report import Rows, chart, table
from visionllm.apis.studies import STUDIES, Study
from visionllm.apis.tables import TABLES, fill
from visionllm.language import TASKS

RESULTS = Path(__file__).parent.parent / 'docs/studies'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('name', choices=sorted({*STUDIES, *TABLES}))
    parser.add_argument('config', nargs='?')
    parser.add_argument('checkpoint', nargs='?')
    parser.add_argument('--num-images', type=int, help='only the first pictures of the test set')
    parser.add_argument('--task', choices=list(TASKS), help='on the test set of this task, instead of the usual one')
    parser.add_argument('--figure', help='draw the curves into this file (calibration)')
    parser.add_argument('--out', type=Path, help='write the result here as JSON, and its chart beside it')
    parser.add_argument('--rows', nargs='+', help='only these rows of a table')
    args = parser.parse_args()
    if args.config is None:
        args.config, args.checkpoint = SHIPPED
    if args.checkpoint is None:
        parser.error('CONFIG and CHECKPOINT belong together: name both, or neither for the shipped model.')
    unknown = set(args.rows or ()) - set(TABLES[args.name].rows if args.name in TABLES else ())
    if unknown:
        parser.error(f'{args.name} has no rows {", ".join(sorted(unknown))}.')
    return args


def measured(args: argparse.Namespace) -> None:
    measure, task = STUDIES[args.name]
    study = Study.from_files(args.config, args.checkpoint, args.num_images, args.task or task)
    result = measure(study, **(dict(figure=args.figure) if args.name == 'calibration' else {}))
    text = json.dumps(result, indent=1)
    print(text)
    if args.out:
        args.out.write_text(text)
    if isinstance(result.get('rows'), dict):
        show(args.name, result['rows'], args.out)


def trained(args: argparse.Namespace) -> None:
    out = args.out or RESULTS / f'{args.name}.json'
    rows = fill(TABLES[args.name], out, Path('work_dirs/studies') / args.name, args.rows)['rows']
    show(args.name, rows, out)


def show(name: str, rows: Rows, out: Path | None) -> None:
    """Print a table, the paper's beside it, and draw it next to its file."""
    paper = json.loads((RESULTS / 'paper.json').read_text()).get(name)
    print(table(rows, paper))
    if out:
        chart(rows, paper, out.with_suffix('.png'))


def main() -> None:
    args = parse_args()
    (measured if args.name in STUDIES else trained)(args)


if __name__ == '__main__':
    main()

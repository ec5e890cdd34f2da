"""Evaluate how a model follows instructions, and what its accuracy depends on.

Evaluations of a trained model, the shipped one if none is given:
``visionllm study NAME [CONFIG CHECKPOINT] [--num-images N] [--task TASK]``.

obedience     half of the classes named: AP of the named ones, and hit rate of unnamed objects
wordings      eight wordings, four of them not used in training
calibration   expected calibration error of the scores, precision-recall curve
reading       class-map reading, without images
classes       25, 50, 75 and 100 % of the classes named: their AP
vocabulary    AP of the test classes named alone, and among LVIS's 1,203 names
bins          AP of detections rounded to fewer location bins
points        mask AP by the number of polygon points
detector      of a model on a published detector: AP with all names in random order, and of the detector alone
synonyms      the same: VOC's names in place of COCO's
kinds         the same: COCO's supercategories as the class set, and the detector's boxes merged
presence      the same: AUROC of a name's best score, of images that hold it against images that do not
single_names  the same: each name alone, and narrower names ("kitten" of cats)
colours       the same: expressions that only a colour tells apart ("the red car"), with the colour and without it
export        the same: as ONNX files, and in lower precision: AP, seconds and megabytes (docs/results/export.md)
blind         questions with the images, without them, and with others (--task captioning: captions)
facts         answers from the images against a text oracle: the same language model, with true boxes and captions
figures       the metrics of one task (--task), on a part of its test set (--num-images)
malformed     share of malformed answers of a task (--task)

Those with rows are also printed as a table and drawn as a chart, next to the paper's (docs/studies/paper.json).

Ablations, which train a small model per row: ``visionllm study NAME [--rows "hard bins" ...]``. Finished rows are
in docs/studies/NAME.json and are not trained again.

additions     the detector without each of the additions to the paper
tasks         five tasks trained together, and each alone
lora          rank of LoRA
randomness    what of the instruction is sampled for each batch
text_encoder  none, trained and frozen
decoding      parallel and autoregressive coordinates
image_tokens  number of queries, and average pooling instead (from scratch)
llava         LLaVA on scenes: kinds of data, projector, projector alignment
flamingo      how often cross-attention, gates, resampler, and a language model that is trained, by number of shots
"""

import argparse
import json
from pathlib import Path

from .common import UsageError, existing_config, existing_file

RESULTS = Path('docs/studies')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument('name', metavar='NAME', help='one of the above')
    parser.add_argument('config', nargs='?', type=existing_config, help='config file, or its name')
    parser.add_argument('checkpoint', nargs='?', type=existing_file, help='checkpoint file')
    parser.add_argument('--model', choices=['photo', 'scenes'], default='scenes', help='a shipped model')
    parser.add_argument('--num-images', type=int, help='only the first images of the test set')
    parser.add_argument('--task', metavar='TASK', help='use the test set of this task instead of the default')
    parser.add_argument('--figure', help='draw the curves into this file (calibration)')
    parser.add_argument('--out', type=Path, help='write the result here as JSON, and its chart next to it')
    parser.add_argument('--rows', nargs='+', help='only these rows (ablations)')


def check_names(args: argparse.Namespace) -> None:
    """Check the names of study, task and rows.

    Raises:
        ConfigError: One does not exist.
    """
    from visionllm.apis.ablations import ABLATIONS
    from visionllm.apis.studies import STUDIES
    from visionllm.errors import ConfigError
    from visionllm.language import TASKS
    rows = ABLATIONS[args.name].rows if args.name in ABLATIONS else {}
    given_and_known = dict(study=([args.name], {*STUDIES, *ABLATIONS}), task=([args.task or 'detection'], TASKS),
                           row=(args.rows or (), rows))
    for kind, (given, known) in given_and_known.items():
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise ConfigError(f'There is no {kind} {", ".join(unknown)}; known are '
                              f'{", ".join(sorted(known)) or "none"}.')


def run_study(args: argparse.Namespace) -> None:
    """Evaluate a trained model."""
    from visionllm.apis.shipped import SHIPPED
    from visionllm.apis.studies import STUDIES
    from visionllm.apis.study import Study
    evaluate, task = STUDIES[args.name]
    config, checkpoint = (args.config, args.checkpoint) if args.config else SHIPPED[args.model]
    study = Study.from_files(config, checkpoint, args.num_images, args.task or task)
    result = evaluate(study, **(dict(figure=args.figure) if args.name == 'calibration' else {}))
    text = json.dumps(result, indent=1)
    print(text)
    if args.out:
        args.out.write_text(text)
    if isinstance(result.get('rows'), dict):
        show(args.name, result['rows'], args.out)


def run_rows(args: argparse.Namespace) -> None:
    """Train and evaluate the rows of an ablation."""
    from visionllm.apis.ablations import ABLATIONS, run_ablation
    out = args.out or RESULTS / f'{args.name}.json'
    rows = run_ablation(ABLATIONS[args.name], out, Path('work_dirs/studies') / args.name, args.rows)['rows']
    show(args.name, rows, out)


def show(name: str, rows: dict, out: Path | None) -> None:
    """Print a table, with the paper's rows below, and draw it next to its file."""
    from visionllm.apis.charts import chart, table
    paper = json.loads((RESULTS / 'paper.json').read_text()).get(name)
    print(table(rows, paper))
    if out:
        chart(rows, paper, out.with_suffix('.png'))


def run(args: argparse.Namespace) -> None:
    """Evaluate or train.

    Raises:
        UsageError: A config without its checkpoint.
    """
    if (args.config is None) != (args.checkpoint is None):
        raise UsageError('CONFIG and CHECKPOINT belong together: name both, or neither for the shipped model.')
    check_names(args)

    from visionllm.apis.studies import STUDIES
    (run_study if args.name in STUDIES else run_rows)(args)


"""Check, repair, convert and look at annotated images.

    visionllm data check data/coco/annotations/instances_train2017.json data/own
    visionllm data check data/own --fix data/own_fixed
    visionllm data convert data/yolo data/coco_from_yolo
    visionllm data convert data/labelled data/own --val-share 0.2
    visionllm data instruct instances.json instruct.json --captions captions.json
    visionllm data browse configs/visionllm/visionllm_r50_coco.py browsed

Layouts are found by themselves: COCO, YOLO, Pascal VOC and LabelMe. ``check`` ends with exit code 1 if training on the
data, or a test on it, would be wrong. ``instruct`` writes questions with definite answers out of COCO's boxes and
captions, in LLaVA-Instruct's format, by templates or by a language model for text.
"""

import argparse
import json
import sys
from pathlib import Path

from .common import add_config, existing_file, load_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    commands = parser.add_subparsers(dest='data_command', metavar='COMMAND', required=True)
    check = commands.add_parser('check', help='what is in a data set, what is wrong with it, and how to mend it')
    check.add_argument('paths', nargs='+', help='annotation files or folders')
    check.add_argument('--images', type=Path, help='folder of the images, where it is not beside the annotations')
    check.add_argument('--fix', type=Path, metavar='OUT', help='file or folder for what can be used, in COCO\'s format')
    convert = commands.add_parser('convert', help='write a data set in another layout')
    convert.add_argument('path', help='annotation file or folder')
    convert.add_argument('out', type=Path, help='folder to write')
    convert.add_argument('--to', choices=['coco', 'yolo', 'voc', 'labelme'], default='coco',
                         help='layout to write (default: coco)')
    convert.add_argument('--images', type=Path, help='folder of the images, where it is not beside the annotations')
    convert.add_argument('--val-share', type=float, default=0.0, metavar='SHARE',
                         help='divide one set: this share of the images becomes val, the rest train')
    instruct = commands.add_parser('instruct', help='write conversations about the images, from captions and boxes')
    instruct.add_argument('instances', type=existing_file, help='COCO\'s instances_*.json')
    instruct.add_argument('out', type=Path, help='JSON file to write')
    instruct.add_argument('--captions', type=existing_file, help='captions_*.json of the same images')
    instruct.add_argument('--kinds', nargs='+', choices=['conversation', 'detail', 'complex'],
                          default=['conversation', 'detail', 'complex'])
    instruct.add_argument('--llm', metavar='SOURCE', help='chat model that writes them (default: templates)')
    instruct.add_argument('--seed', type=int, default=0, help='of the random choices (default: 0)')
    browse = commands.add_parser('browse', help='draw what the model will be fed, after augmentation')
    add_config(browse)
    browse.add_argument('out', type=Path, help='folder for the drawings')
    browse.add_argument('--num-images', type=int, default=16)


def run(args: argparse.Namespace) -> None:
    """Run the command of a data set."""
    dict(check=run_check, convert=run_convert, instruct=run_instruct, browse=run_browse)[args.data_command](args)


def run_check(args: argparse.Namespace) -> None:
    """Report, and repair where asked for."""
    from visionllm.apis.data_check import check_data, write_fixed
    report = check_data(args.paths, args.images, sys.stderr.isatty())
    print(report)
    if args.fix:
        print(write_fixed(report, args.fix))
    sys.exit(0 if report.is_sound else 1)


def run_convert(args: argparse.Namespace) -> None:
    """Write another layout."""
    from visionllm.apis.data_conversion import convert_data
    print(convert_data(args.path, args.out, args.to, args.images, args.val_share))


def run_instruct(args: argparse.Namespace) -> None:
    """Write instruction data."""
    from visionllm.annotations import read_coco_file
    from visionllm.annotations.files import read_json
    from visionllm.apis.instruction_writer import pipeline_writers
    from visionllm.datasets.visual_instructions import TEMPLATES, read_images, write_visual_instructions
    images = read_images(read_coco_file(args.instances), read_json(args.captions) if args.captions else None)
    writers = pipeline_writers(args.llm) if args.llm else TEMPLATES
    records = write_visual_instructions(images, {kind: writers[kind] for kind in args.kinds}, args.seed)
    args.out.write_text(json.dumps(records))
    print(f'{args.out}: {len(records)} conversations about {len(images)} images')


def run_browse(args: argparse.Namespace) -> None:
    """Draw training data."""
    from visionllm.apis.data_browser import draw_training_data
    print(draw_training_data(load_config(args), args.out, args.num_images))


"""Merge folders in COCO's layout into one: instances and captions, with links to the images.

    python tools/merge_coco.py data/merged train2017 data/coco:train2017 data/own:train

Each source is FOLDER:SPLIT. Categories are matched by name.
"""

import argparse
from pathlib import Path

from visionllm.cli.common import run_safely
from visionllm.cli.parser import Parser


def source(text: str) -> tuple[Path, str]:
    folder, _, split = text.rpartition(':')
    if not folder or not Path(folder).is_dir():
        raise argparse.ArgumentTypeError(f'{text!r} is not FOLDER:SPLIT with an existing folder')
    return Path(folder), split


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', type=Path, help='folder to write')
    parser.add_argument('split', help='name of the merged split')
    parser.add_argument('sources', nargs='+', type=source, metavar='FOLDER:SPLIT', help='what is merged')
    args = parser.parse_args()

    from visionllm.datasets.merging import merge_folders
    print(merge_folders(args.sources, args.out, args.split))


if __name__ == '__main__':
    run_safely(main)

"""Write referring expressions for the objects of a COCO file, for training and evaluation: "the leftmost dog", "the
second bottle from the left", "the person next to the bicycle".

    python tools/refer_to_coco.py instances_train2017.json expressions_train2017.json
    python tools/refer_to_coco.py instances_val2017.json expressions_val2017.json --held-out
"""

import argparse
import json
from pathlib import Path

from visionllm.cli.common import existing_file, run_safely
from visionllm.cli.parser import Parser


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('instances', type=existing_file, help="COCO's instances_*.json")
    parser.add_argument('out', type=Path, help='JSON file to write')
    parser.add_argument('--held-out', action='store_true', help='use the wordings that are kept for tests')
    parser.add_argument('--per-image', type=int, default=8, help='expressions of an image at most (default: 8)')
    parser.add_argument('--seed', type=int, default=0, help='of the random choice of expressions (default: 0)')
    args = parser.parse_args()

    from visionllm.annotations import read_coco_file
    from visionllm.datasets.coco_expressions import generate_expressions
    content = generate_expressions(read_coco_file(args.instances), args.held_out, args.per_image, args.seed)
    args.out.write_text(json.dumps(content))
    print(f'{args.out}: {len(content["annotations"])} expressions for {len(content["images"])} images')


if __name__ == '__main__':
    run_safely(main)

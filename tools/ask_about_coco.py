"""Generate questions and answers about the objects of a COCO file, for training and evaluation.

    python tools/ask_about_coco.py instances_val2017.json questions_val2017.json
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
    parser.add_argument('--seed', type=int, default=0, help='of the random choice of questions (default: 0)')
    args = parser.parse_args()

    from visionllm.annotations import read_coco_file
    from visionllm.datasets.coco_questions import generate_questions
    questions = generate_questions(read_coco_file(args.instances), args.seed)
    args.out.write_text(json.dumps(questions))
    print(f'{args.out}: {len(questions["annotations"])} questions about {len(questions["images"])} images')


if __name__ == '__main__':
    run_safely(main)

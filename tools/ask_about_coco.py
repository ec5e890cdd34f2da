"""Write questions about the objects of a COCO file, for training and for measuring.

    python tools/ask_about_coco.py instances_val2017.json questions_val2017.json
"""

import argparse
import json
from pathlib import Path

from visionllm.datasets.coco_questions import questions_about


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('instances', type=Path, help="COCO's instances_*.json")
    parser.add_argument('out', type=Path, help='JSON to write')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    questions = questions_about(json.loads(args.instances.read_text()), args.seed)
    args.out.write_text(json.dumps(questions))
    print(f'{args.out}: {len(questions["annotations"])} questions about {len(questions["images"])} pictures')


if __name__ == '__main__':
    main()

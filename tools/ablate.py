"""Train the nano detector without each of our additions to the paper, and print what it costs.

python tools/ablate.py [--steps 100] [--rows "hard bins" ...]; resumable, the rows done are in --out.
"""

import argparse
from pathlib import Path

from visionllm.apis.ablations import ADDITIONS, ablate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--steps', type=int, default=100, help='training steps on pictures, each row')
    parser.add_argument('--num-images', type=int, default=200, help='unseen scenes to measure on')
    parser.add_argument('--rows', nargs='+', choices=sorted(ADDITIONS), help='only these')
    parser.add_argument('--out', type=Path, default=Path('docs/studies/ablations.json'))
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/ablations'))
    args = parser.parse_args()
    done = ablate(args.steps, args.num_images, args.out, args.work_dir, args.rows)
    for name, row in done['rows'].items():
        print(f'{name:40s} AP {row["AP"]:5.1f}  AP50 {row["AP50"]:5.1f}  {row["minutes"]:5.1f} min')


if __name__ == '__main__':
    main()

"""Remove the test images of RefCOCO, RefCOCO+ and RefCOCOg from COCO's training annotations.

    python tools/convert_refcoco.py --instances instances_train2017.json \\
        --refs "refcoco/refs(unc).p" "refcoco+/refs(unc).p" "refcocog/refs(umd).p" --out instances_train2017_clean.json
"""

import argparse

from visionllm.cli.common import existing_file, run_safely
from visionllm.cli.parser import Parser


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--instances', required=True, type=existing_file,
                        help='COCO annotations of the training images')
    parser.add_argument('--refs', required=True, nargs='+', type=existing_file, metavar='FILE',
                        help='files of expressions; images of all splits but train are removed')
    parser.add_argument('--out', required=True, help='JSON file to write')
    args = parser.parse_args()

    from visionllm.datasets.leakage import remove_held_out
    print(remove_held_out(args.instances, args.refs, args.out))


if __name__ == '__main__':
    run_safely(main)

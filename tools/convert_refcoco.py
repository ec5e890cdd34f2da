"""Take the pictures that grounding is tested on out of COCO's training annotations.

    python tools/convert_refcoco.py --instances instances_train2017.json \\
        --refs "refcoco/refs(unc).p" "refcoco+/refs(unc).p" "refcocog/refs(umd).p" --out instances_train2017_clean.json
"""

import argparse

from visionllm.datasets.leakage import remove_held_out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--instances', required=True, help='COCO annotations of the training pictures')
    parser.add_argument('--refs', required=True, nargs='+', metavar='FILE',
                        help='files of expressions; pictures of every split but train are removed')
    parser.add_argument('--out', required=True, help='JSON to write')
    args = parser.parse_args()
    print(remove_held_out(args.instances, args.refs, args.out))


if __name__ == '__main__':
    main()

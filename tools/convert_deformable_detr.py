"""Take a published Deformable DETR for the image tokenizer: ``python tools/convert_deformable_detr.py IN OUT``.

IN is a checkpoint of its authors (r50_deformable_detr-checkpoint.pth), of Hugging Face (model.safetensors of
SenseTime/deformable-detr) or of MMDetection, on disk or on the web; OUT ends in .safetensors. ``TokenizerPretrained``
reads IN as well as OUT; what is printed is what it does with it.
"""

import argparse

import visionllm  # noqa: F401  (reads checkpoints without running code)
from visionllm.apis.conversion import convert_detr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', metavar='IN')
    parser.add_argument('out', metavar='OUT')
    args = parser.parse_args()
    print(convert_detr(args.source, args.out))


if __name__ == '__main__':
    main()

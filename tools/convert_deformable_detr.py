"""Convert a published Deformable DETR for the image tokenizer: ``python tools/convert_deformable_detr.py IN OUT``.

IN is a checkpoint of its authors (r50_deformable_detr-checkpoint.pth), of Hugging Face (model.safetensors of
SenseTime/deformable-detr) or of MMDetection, a file or a URL; OUT ends in .safetensors. Prints how each tensor is used.
``TokenizerPretrained`` loads IN as well as OUT.
"""

import argparse

from visionllm.cli.common import existing_file, run_safely
from visionllm.cli.parser import Parser


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', metavar='IN', type=existing_file, help='checkpoint, a file or a URL')
    parser.add_argument('out', metavar='OUT', help='file to write, .safetensors')
    args = parser.parse_args()

    from visionllm.apis.conversion import convert_detr
    print(convert_detr(args.source, args.out))


if __name__ == '__main__':
    run_safely(main)

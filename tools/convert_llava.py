"""LLaVA of transformers to a checkpoint of this project, and back.

    python tools/convert_llava.py from configs/llava/llava_1.5-7b_finetune.py llava.pth
    python tools/convert_llava.py to CONFIG CHECKPOINT FOLDER

`from` writes the projector of the LLaVA that the config names, and untrained LoRA: encoder and language model are read
from their own source. `to` writes a folder that `LlavaForConditionalGeneration.from_pretrained` reads, LoRA merged.
"""

import argparse
from pathlib import Path

from visionllm.cli.common import existing_config, existing_file, run_safely
from visionllm.cli.parser import Parser


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='direction', metavar='DIRECTION', required=True)
    source = commands.add_parser('from', help='write a published LLaVA as a checkpoint')
    source.add_argument('config', type=existing_config)
    source.add_argument('out', type=Path, help='checkpoint to write, .pth')
    target = commands.add_parser('to', help='write a trained model as a folder of transformers')
    target.add_argument('config', type=existing_config)
    target.add_argument('checkpoint', type=existing_file)
    target.add_argument('out', type=Path, help='folder to write')
    args = parser.parse_args()

    (run_from if args.direction == 'from' else run_to)(args)
    print(f'{args.out}: written')


def run_from(args: argparse.Namespace) -> None:
    import torch
    from mmdet.registry import MODELS
    from mmengine.config import Config
    from mmengine.registry import init_default_scope

    from visionllm import registration  # noqa: F401
    init_default_scope('mmdet')
    model = MODELS.build(Config.fromfile(args.config).model)
    model.init_weights()
    torch.save(dict(state_dict=model.state_dict()), args.out)


def run_to(args: argparse.Namespace) -> None:
    from visionllm.apis.model_files import ModelConfig
    from visionllm.models.llava import save_as_llava
    config = ModelConfig.from_config(args.config)
    config.model['llm']['dtype'] = config.model['connector']['encoder']['dtype'] = 'float32'  # LoRA is merged
    save_as_llava(config.build(args.checkpoint), args.out)


if __name__ == '__main__':
    run_safely(main)

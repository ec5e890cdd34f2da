"""Write a training checkpoint as a model for release: a folder of config, weights and model card.

    visionllm export CONFIG work_dirs/own/iter_2000.pth own_model
    visionllm predict photo.jpg --model own_model --classes dog

Only trained tensors are kept, in float16; frozen pre-trained parts are loaded from their own source.
"""

import argparse
from pathlib import Path

from .common import existing_config, existing_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument('config', type=existing_config, help='config file, or the name of a config of this package')
    parser.add_argument('checkpoint', type=existing_file, help='checkpoint file')
    parser.add_argument('out', type=Path, help='folder to write')
    parser.add_argument('--note', default='', help='stored with the weights: command, seed, machine, time')
    parser.add_argument('--adapter', help='also write LoRA and the added embeddings into this folder, for peft')


def run(args: argparse.Namespace) -> None:
    """Export."""
    from visionllm import VisionLLM
    from visionllm.models.llms.adapter import save_adapter
    model = VisionLLM(args.config, args.checkpoint, device='cpu')
    if args.adapter:
        save_adapter(model.inferencer.model.llm, args.adapter)
    model.save_pretrained(args.out, args.note)
    size = sum(path.stat().st_size for path in args.out.iterdir()) / 2**20
    print(f'{args.out}: {len(model.inferencer.model.state_dict())} tensors, {size:.1f} MB')

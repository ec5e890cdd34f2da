"""Turn a training checkpoint into weights to ship: ``python tools/export.py CONFIG CHECKPOINT OUT.safetensors``.

Only what was trained is kept (frozen pre-trained parts come from their own source), in float16.
"""

import argparse
from pathlib import Path

import torch

from visionllm.apis import Inferencer
from visionllm.engine.checkpoint import save_safetensors
from visionllm.models.llms.adapter import save_adapter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('out')
    parser.add_argument('--note', default='', help='how it was made: command, seed, machine, time')
    parser.add_argument('--adapter', help='folder for the language model\'s part alone, as peft reads it')
    args = parser.parse_args()
    model = Inferencer.from_files(args.config, args.checkpoint).model
    if args.adapter:
        save_adapter(model.llm, args.adapter)
    state = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in
             model.state_dict().items()}
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    save_safetensors(state, args.out, dict(config=args.config, note=args.note, torch=torch.__version__))
    print(f'{args.out}: {len(state)} tensors, {Path(args.out).stat().st_size / 2**20:.1f} MB')


if __name__ == '__main__':
    main()

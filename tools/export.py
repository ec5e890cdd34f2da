"""Convert a training checkpoint to weights for release: ``python tools/export.py CONFIG CHECKPOINT OUT.safetensors``.

Only trained tensors are kept, in float16; frozen pre-trained parts are loaded from their own source.
"""

import argparse
from pathlib import Path

from _cli import existing_file, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', type=existing_file, help='config file')
    parser.add_argument('checkpoint', type=existing_file, help='checkpoint file')
    parser.add_argument('out', help='file to write, .safetensors')
    parser.add_argument('--note', default='', help='stored with the weights: command, seed, machine, time')
    parser.add_argument('--adapter', help='also write LoRA and the added embeddings into this folder, for peft')
    args = parser.parse_args()

    import torch

    from visionllm.apis import Inferencer
    from visionllm.engine.checkpoint import save_safetensors
    from visionllm.models.llms.adapter import save_adapter
    model = Inferencer.from_files(args.config, args.checkpoint).model
    if args.adapter:
        save_adapter(model.llm, args.adapter)
    state = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in
             model.state_dict().items()}
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    save_safetensors(state, args.out, dict(config=args.config, note=args.note, torch=torch.__version__))
    print(f'{args.out}: {len(state)} tensors, {Path(args.out).stat().st_size / 2**20:.1f} MB')


if __name__ == '__main__':
    run(main)

"""Write a model for use elsewhere: as a folder, or as an ONNX file that finds named things without PyTorch.

    visionllm export CONFIG work_dirs/own/iter_2000.pth own_model
    visionllm predict photo.jpg --model own_model --classes dog

Only trained tensors are kept, in float16; frozen pre-trained parts are loaded from their own source.

    visionllm export photo --onnx exported --classes dog cat
    visionllm export photo --vocabulary birds.npz --classes eagle duck
    visionllm export own_model --onnx exported --classes livestock

The first writes exported/model.onnx and exported/vocabulary.npz. The file takes a picture and a vocabulary, and answers
with boxes, scores and labels; names are read by the language model once, and other names need another vocabulary alone.
"""

import argparse
from pathlib import Path

from .common import UsageError, existing_config, existing_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument('model', metavar='MODEL', help='photo, a folder, an id on the Hugging Face hub, or a config')
    parser.add_argument('checkpoint', nargs='?', type=existing_file, help='checkpoint file of a config')
    parser.add_argument('out', nargs='?', type=Path, help='folder to write')
    parser.add_argument('--note', default='', help='stored with the weights: command, seed, machine, time')
    parser.add_argument('--adapter', help='also write LoRA and the added embeddings into this folder, for peft')
    parser.add_argument('--onnx', type=Path, metavar='DIR', help='write model.onnx and vocabulary.npz into this folder')
    parser.add_argument('--vocabulary', type=Path, metavar='FILE', help='write a vocabulary of other names (.npz)')
    parser.add_argument('--classes', nargs='+', metavar='NAME', help='names of the vocabulary')


def run(args: argparse.Namespace) -> None:
    """Export.

    Raises:
        UsageError: It is not said what to write, or of which names.
    """
    name = args.model
    if args.checkpoint:
        try:
            name = existing_config(name)
        except argparse.ArgumentTypeError as error:
            raise UsageError(f'{error}.') from None
    if not (args.onnx or args.vocabulary):
        if args.out is None:
            raise UsageError('Say what to write: CONFIG CHECKPOINT OUT for a folder; --onnx DIR or --vocabulary FILE '
                             'with --classes for a graph.')
        export_folder(name, args)
    elif not args.classes:
        raise UsageError('--onnx and --vocabulary need the names to find: --classes NAME ...')
    else:
        export_graph(name, args)


def export_folder(name: str, args: argparse.Namespace) -> None:
    """As a model folder."""
    from visionllm import VisionLLM
    from visionllm.models.llms.adapter import save_adapter
    model = VisionLLM(name, args.checkpoint, device='cpu')
    if args.adapter:
        save_adapter(model.inferencer.model.llm, args.adapter)
    model.save_pretrained(args.out, args.note)
    size = sum(path.stat().st_size for path in args.out.iterdir()) / 2**20
    print(f'{args.out}: {len(model.inferencer.model.state_dict())} tensors, {size:.1f} MB')


def export_graph(name: str, args: argparse.Namespace) -> None:
    """As an ONNX file, or a vocabulary for one."""
    from visionllm import VisionLLM
    model = VisionLLM(name, args.checkpoint, device='cpu')
    if args.vocabulary:
        model.write_vocabulary(args.vocabulary, args.classes)
        print(f'{args.vocabulary}: {", ".join(args.classes)}')
    if args.onnx:
        path = model.export_onnx(args.onnx, args.classes)
        print(f'{path}: {path.stat().st_size / 2**20:.1f} MB; vocabulary.npz beside it: {", ".join(args.classes)}')

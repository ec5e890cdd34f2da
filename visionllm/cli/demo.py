"""What the shipped models can do: photographs, and where asked for the measurements on synthetic scenes.

    visionllm demo            name things on three photographs, in any folder; a minute
    visionllm demo --scenes   and five tasks, seven instructions and fine-tuning on scenes, in the project's folder
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument('--scenes', action='store_true', help='also the model for scenes; ten minutes')


def run(args: argparse.Namespace) -> None:
    """Show what the shipped models can do."""
    from visionllm.inference.demo import run_demo
    run_demo(args.scenes)

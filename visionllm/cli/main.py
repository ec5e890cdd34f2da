"""Detection, segmentation, grounding, captions and answers by instruction.

    visionllm predict photo.jpg --classes dog "red car"      find things by name
    visionllm data check data/own                            what is wrong with a data set
    visionllm train CONFIG                                   train or fine-tune
    visionllm COMMAND --help                                 all options, with examples
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from visionllm.version import __version__

from . import benchmark, cost, data, demo, export, inspect, predict, study, test, train, web
from .common import end_after, run_safely
from .parser import Parser

COMMANDS = {  # module, and help
    'predict': (predict, 'find, describe and answer, on images and videos'),
    'web': (web, 'a web page and a REST API'),
    'train': (train, 'train the model of a config'),
    'test': (test, 'measure a model on the test set of its config'),
    'data': (data, 'check, repair, convert and browse a data set'),
    'inspect': (inspect, 'what a model attends to, how it reads names, its polygons on the truth'),
    'study': (study, 'what the accuracy of a model depends on'),
    'benchmark': (benchmark, 'time and memory beside other systems'),
    'cost': (cost, 'memory, operations and time of a training, in advance'),
    'export': (export, 'write a model as a folder, or as an ONNX file'),
    'demo': (demo, 'what the shipped models can do'),
}
SHELLS = ('bash', 'zsh', 'tcsh')


def build_parser() -> argparse.ArgumentParser:
    """All commands with their arguments."""
    parser = Parser('visionllm', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--version', action='version', version=f'visionllm {__version__}')
    commands = parser.add_subparsers(dest='command', metavar='COMMAND', required=True)
    for name, (module, help_text) in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=module.__doc__, fromfile_prefix_chars='@',
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(command)
    completion = commands.add_parser('completion', help='print a script of completions for a shell')
    completion.add_argument('shell', choices=SHELLS)
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; arguments are those of the process if None."""
    parser = build_parser()
    args, unknown = parser.parse_known_args(arguments)
    if unknown:
        Parser(f'visionllm {args.command}').error(f'unrecognized arguments: {" ".join(unknown)}')
    if args.command == 'completion':
        import shtab
        print(shtab.complete(parser, args.shell))
        return
    command = partial(COMMANDS[args.command][0].run, args)
    alone = arguments is None and args.command == 'predict'  # others have processes of their own to end
    run_safely(partial(end_after, command) if alone else command)


if __name__ == '__main__':
    main(sys.argv[1:])

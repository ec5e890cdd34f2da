"""What all commands share: config arguments, and users' mistakes reported in one sentence.

Imports nothing heavy: ``--help`` answers at once, and a wrong path is reported before torch is imported.
"""

import argparse
import atexit
import os
import re
import signal
import sys
import traceback
from ast import literal_eval
from collections.abc import Callable
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING

from .process import keep_freed_memory, limit_spinning

if TYPE_CHECKING:
    from mmengine.config import Config

IN_WORKER = re.compile(r'Caught \w+ in .*\nOriginal Traceback')  # how PyTorch wraps errors of its worker processes
OF_REGISTRY = re.compile(r'^class `[^`]+` in \S+: ')  # how mmengine's registry wraps errors
NOT_REGISTERED = re.compile(r'\S+ is not in the \S+ registry')
WRONG_ARGUMENTS = re.compile(r'\w+\.__init__\(\) (got an unexpected keyword argument|missing \d+ required) .*', re.S)
LACKING = re.compile(r"'Config(?:Dict)?' object has no attribute '(\w+)'")
PATH_ERRORS = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
# settings that a config may leave out
OPTIONAL_SETTINGS = {'auto_scale_lr', 'compile', 'data_preprocessor', 'experiment_name', 'load_from', 'log_level',
                     'model_wrapper_cfg', 'randomness', 'resume', 'strategy', 'visualizer', 'work_dir'}


class UsageError(Exception):
    """Arguments or a config that cannot be used."""


def run_safely(main: Callable[[], None]) -> None:
    """Run a command: a user's mistake ends it with one sentence and exit code 2, an interrupt, and the end of who reads
    its output (``| head``), with 128 and the number of the signal; a bug keeps its traceback."""
    limit_spinning()
    keep_freed_memory()
    try:
        main()
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python fails at exit, when it flushes
        sys.exit(128 + signal.SIGPIPE)
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        sys.stdout.flush()
        print(f'error: {sentence}', file=sys.stderr)
        sys.exit(getattr(error, 'exit_code', 2))


def end_after(run: Callable[[], None]) -> None:
    """Run a command, and end the process at once: to take apart all that was imported takes 0.3 s. What is registered
    for the end of the process is done."""
    code = 0
    try:
        run()
    except SystemExit as stopped:
        code = stopped.code or 0
    sys.stdout.flush()
    atexit._run_exitfuncs()
    sys.stderr.flush()
    os._exit(code)


def sentence_of(error: Exception) -> str | None:
    """What a user did wrong, in one sentence; None for a bug."""
    errors = sys.modules.get('visionllm.errors')
    if isinstance(error, UsageError) or errors is not None and isinstance(error, errors.UserError):
        return one_line(error)
    if isinstance(error, PATH_ERRORS):
        return f'{error.filename}: {error.strerror}.' if error.filename else one_line(error)
    if isinstance(error, JSONDecodeError):
        return f'A file is not valid JSON ({error}); it starts with {error.doc[:40]!r}.'
    if type(error) in (ConnectionError, SyntaxError):
        return one_line(error)
    return config_sentence(error)


def config_sentence(error: Exception) -> str | None:
    """The sentence for an error of mmengine that is due to a config; None for other errors."""
    text = one_line(error)
    if isinstance(error, KeyError) and (unknown := NOT_REGISTERED.search(text)):
        return f'{unknown[0]}. Is the type in the config spelled right, and its module in custom_imports?'
    if isinstance(error, AttributeError) and (lacking := LACKING.search(text)):
        return f'The config has no {lacking[1]}, which is needed here.'
    wrong = WRONG_ARGUMENTS.search(text)
    if isinstance(error, TypeError) and wrong and raised_by_registry(error):
        return f'A part of the config has wrong settings: {wrong[0]}.'
    return None


def raised_by_registry(error: Exception) -> bool:
    """Whether mmengine's registry itself could not call a class, rather than the code of the class."""
    path = traceback.extract_tb(error.__traceback__)[-1].filename
    return path.replace(os.sep, '/').endswith('mmengine/registry/build_functions.py')


def one_line(error: Exception) -> str:
    """The message of an error, without what PyTorch and mmengine wrap around it."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if IN_WORKER.match(text):
        text = re.sub(r'^[\w.]+: ', '', text.strip().splitlines()[-1])
    return ' '.join(OF_REGISTRY.sub('', text).split())


def existing_file(path: str) -> str:
    """An argument that names a file, or a URL; argparse reports a file that does not exist."""
    if '://' not in path and not Path(path).is_file():
        raise argparse.ArgumentTypeError(f'there is no file {path}')
    return path


def existing_config(name: str) -> str:
    """An argument that names a config: a file, or one of those of this package by its name alone.

    Raises:
        ArgumentTypeError: There is none.
    """
    shipped = Path(__file__).parents[1] / 'configs'
    found = [Path(name)] if Path(name).is_file() else [
        path for path in sorted(shipped.glob(f'*/{name.removesuffix(".py")}.py')) if path.parent.name != 'recipes']
    if not found:
        raise argparse.ArgumentTypeError(f'there is no config {name}')
    return str(found[0])


def add_config(parser: argparse.ArgumentParser, checkpoint: bool = False) -> None:
    """Add CONFIG, perhaps CHECKPOINT, and ``--cfg-options`` to a parser."""
    parser.add_argument('config', type=existing_config, help='config file, or the name of a config of this package')
    if checkpoint:
        parser.add_argument('checkpoint', type=existing_file, help='checkpoint file (.pth or .safetensors)')
    parser.add_argument('--cfg-options', nargs='+', metavar='KEY=VALUE',
                        help='override settings of the config: key=value, key="[a,b]", a.b.c=value')


def add_launcher(parser: argparse.ArgumentParser) -> None:
    """Add what torchrun and Slurm pass to a tool."""
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def load_config(args: argparse.Namespace) -> 'Config':
    """The config of parsed arguments, with its options; the modules of its ``custom_imports`` are imported.

    Raises:
        UsageError: The config cannot be read, an option is malformed or does not fit the config, or a module of
            ``custom_imports`` does not exist.
    """
    cfg = read_config(args.config)
    for option in args.cfg_options or ():
        merge_option(cfg, option)
    if cfg.get('custom_imports'):
        import_modules(**cfg.custom_imports)
    return cfg


def read_config(path: str) -> 'Config':
    """Read a config; nothing heavy is imported.

    Raises:
        UsageError: It cannot be read.
    """
    from mmengine.config import Config
    try:
        return Config.fromfile(path, import_custom_modules=False)
    except Exception as error:  # a config is code of the user's, which can raise anything
        raise UsageError(f'{path} is no valid config: {one_line(error)} ({type(error).__name__}).') from None


def merge_option(cfg: 'Config', option: str) -> None:
    """Change one setting of a config.

    Raises:
        UsageError: The option is malformed or does not fit the config.
    """
    name, equals, value = option.partition('=')
    if not equals or not name:
        raise UsageError(f'--cfg-options takes KEY=VALUE, got {option!r}.')
    if name.split('.')[0] not in cfg.keys() | OPTIONAL_SETTINGS:
        raise UsageError(f'--cfg-options {option} does not fit the config, which has no {name.split(".")[0]}.')
    try:
        cfg.merge_from_dict({name: parse_value(value)})
    except (KeyError, TypeError, IndexError, AttributeError, AssertionError, ValueError) as error:
        reason = one_line(error).split(' of list')[0]  # mmengine prints the whole list
        raise UsageError(f'--cfg-options {option} does not fit the config: {reason}.') from None


def parse_value(text: str) -> object:
    """The value of an option: a Python literal, or what mmengine takes, as in ``[a,b]``; spaces in strings are kept.

    Raises:
        UsageError: A list holds strings with spaces, and some without quotes.
        AssertionError: Brackets are not balanced.
    """
    from mmengine.config import DictAction
    is_list = text.startswith(('[', '(')) or ',' in text
    try:
        value = literal_eval(text)
    except (ValueError, SyntaxError):
        if is_list and re.search('["\'].* .*["\']', text):
            raise UsageError(f'{text} is no list: quote all of its strings, or none.') from None
        return DictAction._parse_iterable(text) if is_list else DictAction._parse_int_float_bool(text)
    return list(value) if isinstance(value, tuple) and text[0] != '(' else value


def import_modules(imports: str | list[str], allow_failed_imports: bool = False) -> None:
    """Import the modules that a config names.

    Raises:
        UsageError: One does not exist.
    """
    from importlib.util import find_spec

    from mmengine.utils import import_modules_from_strings
    for name in [imports] if isinstance(imports, str) else imports:
        if not allow_failed_imports and find_spec(name.split('.')[0]) is None:
            raise UsageError(f'custom_imports of the config names {name}, which is not installed; add its folder to '
                               'PYTHONPATH.')
    import_modules_from_strings(imports, allow_failed_imports)

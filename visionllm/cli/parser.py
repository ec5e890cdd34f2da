"""Parsers of arguments whose mistakes are reported as all others are."""

import argparse
import sys
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """An ``ArgumentParser`` that says in one sentence what is wrong, and where it is written what is right."""

    def error(self, message: str) -> NoReturn:
        """Report a mistake and end with exit code 2."""
        text = ' '.join(message.split()).rstrip('.')
        print(f'error: {text[0].upper()}{text[1:]}; {self.prog} --help says what it takes.', file=sys.stderr)
        sys.exit(2)

"""Errors that a user can mend. Tools print them as one sentence, without a traceback, and exit with code 2.

Anything else that is raised is a bug, and keeps its traceback.
"""


class UserError(Exception):
    """Base of all errors whose message says what is wrong, what was expected and what to do."""


class ConfigError(UserError, ValueError):
    """A config, or the arguments of a part, that cannot be used."""


class CheckpointMismatchError(UserError, RuntimeError):
    """Weights of another model or size."""

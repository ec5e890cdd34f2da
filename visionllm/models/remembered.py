"""What was computed of a text, for as long as the weights stay."""

from collections.abc import Callable, Hashable

REMEMBERED = 8  # texts: a data set has one instruction, or as many as samples


class Remembered(dict):
    """The latest results; those from before are forgotten, so that a thousand phrases do not fill the memory."""

    def of(self, key: Hashable, compute: Callable[[], object]) -> object:
        """What is remembered of ``key``, computed if nothing is."""
        if key not in self:
            if len(self) == REMEMBERED:
                del self[next(iter(self))]  # the first that came
            self[key] = compute()
        return self[key]

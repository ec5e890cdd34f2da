"""What was computed of a text, for as long as the weights stay."""

from collections.abc import Callable

from torch import nn

REMEMBERED = 32  # texts: a data set has one instruction, or one a group of its classes, or as many as samples


class Remembered(nn.Module):
    """The latest results; those from before are forgotten, so that a thousand phrases do not fill the memory.

    A part of the module whose results they are, so that it is told when weights are about to change (``train``),
    have (``eval``, ``load_state_dict``) or move to another device.
    """

    def __init__(self):
        super().__init__()
        self.results = {}
        self.register_load_state_dict_post_hook(lambda module, _: module.results.clear())

    def train(self, mode: bool = True) -> 'Remembered':
        self.results.clear()
        return super().train(mode)

    def _apply(self, fn: Callable, recurse: bool = True) -> 'Remembered':
        self.results.clear()
        return super()._apply(fn, recurse)

    def knows(self, texts: tuple[str, ...]) -> bool:
        """Whether they are remembered, as a batch."""
        return texts in self.results

    def of(self, texts: tuple[str, ...], compute: Callable[[], object]) -> object:
        """What is remembered of a batch of texts, computed if nothing is."""
        if self.knows(texts):
            return self.results[texts]
        while self.results and sum(map(len, self.results)) + len(texts) > REMEMBERED:
            del self.results[next(iter(self.results))]  # the first that came
        self.results[texts] = compute()
        return self.results[texts]

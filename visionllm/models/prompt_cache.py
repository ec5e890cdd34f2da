"""Cache of features computed from texts, valid as long as the weights are unchanged."""

from collections.abc import Callable

from torch import nn

MAX_CACHED_TEXTS = 32  # a data set has one instruction, or one per group of classes, or one per sample


class PromptCache(nn.Module):
    """First-in, first-out cache of results for batches of texts.

    It is a submodule of the module that computes the results, so that it is cleared whenever the weights may change
    (``train``, ``eval``, ``load_state_dict``) or move to another device or type.
    """

    def __init__(self):
        super().__init__()
        self.results = {}  # by batch of texts
        self.register_load_state_dict_post_hook(lambda module, _: module.results.clear())

    def train(self, mode: bool = True) -> 'PromptCache':
        self.results.clear()
        return super().train(mode)

    def _apply(self, fn: Callable, recurse: bool = True) -> 'PromptCache':
        self.results.clear()
        return super()._apply(fn, recurse)

    def contains(self, texts: tuple[str, ...]) -> bool:
        """Whether the result of this batch of texts is cached."""
        return texts in self.results

    def get_or_compute(self, texts: tuple[str, ...], compute: Callable[[], object]) -> object:
        """The cached result of a batch of texts; ``compute()``, which is then cached, if there is none."""
        if self.contains(texts):
            return self.results[texts]
        while self.results and sum(map(len, self.results)) + len(texts) > MAX_CACHED_TEXTS:
            del self.results[next(iter(self.results))]  # the oldest
        self.results[texts] = compute()
        return self.results[texts]

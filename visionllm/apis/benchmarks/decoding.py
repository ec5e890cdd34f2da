"""Decoding of tuples by the language model, compared to less efficient ways.

Run time does not depend on the tokens' values, so they are random.

Dimensions: M tuples, E width of the language model, q coordinates per tuple.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from visionllm.models.fusion import CLASS_BLOCK, chunk_tuples, class_pass_layout, coordinate_pass_layout
from visionllm.models.llms import CausalLM, Prefix

from .timing import Suite


class DecodingBenchmark:
    """Forward passes over a prefix and tuples.

    Args:
        llm: The language model, on the device to be timed.
        prefix: Number of tokens before the tuples.
        tuples: M.
    """

    def __init__(self, llm: CausalLM, prefix: int = 300, tuples: int = 100):
        self.llm, self.prefix, self.tuples = llm, prefix, tuples
        self.device = llm.new_rows.weight.device
        self.attention_mask = torch.ones(1, prefix, dtype=torch.bool, device=self.device)

    def with_tokens_in_prefix(self) -> 'DecodingBenchmark':
        """The same number of tokens, of which the image tokens that belong to the tuples are part of the prefix."""
        return DecodingBenchmark(self.llm, self.prefix - self.tuples, self.tuples)

    def tokens(self, count: int, batch: int = 1) -> Tensor:
        """Random input embeddings ``float[batch, count, E]``."""
        return torch.randn(batch, count, self.llm.width, device=self.device)

    def encode_prefix(self) -> Prefix:
        """The prefix alone."""
        return self.llm(self.tokens(self.prefix))[1]

    def classes(self, tuples: int) -> Prefix:
        """The prefix, and the class pass: an image token and a class query per tuple."""
        layout = class_pass_layout(self.attention_mask, 0, tuples)
        return self.llm(self.tokens(CLASS_BLOCK * tuples), self.encode_prefix(), *layout)[1]

    def coordinates(self, class_pass: Prefix, tuples: int, queries: int) -> None:
        """The coordinate pass for some tuples after their class pass."""
        for chunk in chunk_tuples(torch.arange(tuples, device=self.device)[None], queries):
            layout = coordinate_pass_layout(self.attention_mask, chunk, queries)
            self.llm(self.tokens(chunk.shape[1] * queries), class_pass, *layout)

    def two_passes(self, tuples: int, queries: int) -> None:
        """The prefix, the class pass of all tuples, and the coordinate pass of some."""
        self.coordinates(self.classes(self.tuples), tuples, queries)

    def one_pass(self, queries: int) -> None:
        """The prefix, and classes and coordinates of all tuples, in one pass."""
        size = CLASS_BLOCK + queries
        layout = class_pass_layout(self.attention_mask, self.prefix, self.tuples, size)
        self.llm(self.tokens(self.prefix + self.tuples * size), None, *layout)

    def dense_mask(self, queries: int) -> None:
        """All tuples in one pass after the prefix, with a mask of all pairs of tokens."""
        size = CLASS_BLOCK + queries
        block = torch.arange(self.tuples * size, device=self.device) // size
        same_block = (block[:, None] == block).tril()
        mask = F.pad(same_block, (self.prefix, 0), value=True)
        positions = self.prefix + torch.arange(size, device=self.device).repeat(self.tuples)
        self.llm(self.tokens(len(block)), self.encode_prefix(), mask, positions)

    def copied_prefix(self, queries: int) -> None:
        """Each tuple as a sequence of its own, after a copy of the prefix."""
        self.llm(self.tokens(CLASS_BLOCK + queries, self.tuples), self.encode_prefix().expand(self.tuples))

    def autoregressive(self, prefix: Prefix, queries: int) -> None:
        """One tuple, token by token."""
        for _ in range(CLASS_BLOCK + queries):
            _, prefix = self.llm(self.tokens(1), prefix)


def decoding_suite(benchmark: DecodingBenchmark, points: int = 24, selected: int = 10) -> Suite:
    """Boxes and polygons, of all tuples and of some (``selected``).

    Rows with image tokens in the prefix have the prompt length of the paper, where they are part of the prompt; here
    each tuple has its own. Autoregressive decoding is timed for one tuple and multiplied by the number of tuples,
    which ignores the growth of its key-value cache.
    """
    tuples, queries = benchmark.tuples, 2 * points
    in_prefix = benchmark.with_tokens_in_prefix()
    with torch.no_grad():
        prefix = benchmark.encode_prefix()
        class_pass, larger_class_pass = benchmark.classes(tuples), benchmark.classes(2 * tuples)
    rows = {
        'prefix': benchmark.encode_prefix,
        'boxes of all tuples': lambda: benchmark.two_passes(tuples, 4),
        'boxes of some': lambda: benchmark.two_passes(selected, 4),
        'boxes of all tuples in one pass': lambda: benchmark.one_pass(4),
        'boxes of all tuples, image tokens in the prefix': lambda: in_prefix.two_passes(tuples, 4),
        'boxes of some, image tokens in the prefix': lambda: in_prefix.two_passes(selected, 4),
        'boxes of all tuples in one pass, image tokens in the prefix': lambda: in_prefix.one_pass(4),
        'polygons of all': lambda: benchmark.two_passes(tuples, queries),
        'polygons of some': lambda: benchmark.two_passes(selected, queries),
        'polygons of some, image tokens in the prefix': lambda: in_prefix.two_passes(selected, queries),
        'polygons of all, dense mask': lambda: benchmark.dense_mask(queries),
        'polygons of all, copied prefix': lambda: benchmark.copied_prefix(queries),
        'polygon of one, autoregressive': lambda: benchmark.autoregressive(prefix, queries),
        'coordinates of polygons': lambda: benchmark.coordinates(class_pass, tuples, queries),
        'coordinates of polygons, twice the points': lambda: benchmark.coordinates(class_pass, tuples, 2 * queries),
        'coordinates of polygons, twice the tuples': lambda: benchmark.coordinates(larger_class_pass, 2 * tuples,
                                                                                   queries),
    }
    one = 'polygon of one, autoregressive'
    return Suite({name: torch.no_grad()(run) for name, run in rows.items()}, {
        'boxes of all / prefix': ('boxes of all tuples', 'prefix', 1),
        'boxes of all in one pass / prefix': ('boxes of all tuples in one pass', 'prefix', 1),
        'boxes of some / prefix': ('boxes of some', 'prefix', 1),
        'boxes of all / prefix, image tokens in it': ('boxes of all tuples, image tokens in the prefix', 'prefix', 1),
        'boxes of all in one pass / prefix, image tokens in it': (
            'boxes of all tuples in one pass, image tokens in the prefix', 'prefix', 1),
        'boxes of some / prefix, image tokens in it': ('boxes of some, image tokens in the prefix', 'prefix', 1),
        'polygons of all / dense mask': ('polygons of all', 'polygons of all, dense mask', 1),
        'polygons of all / copied prefix': ('polygons of all', 'polygons of all, copied prefix', 1),
        'polygons of some / prefix': ('polygons of some', 'prefix', 1),
        'polygons of some / prefix, image tokens in it': ('polygons of some, image tokens in the prefix', 'prefix', 1),
        'autoregressive, all / polygons of some': (one, 'polygons of some', tuples),
        'autoregressive, some / polygons of some': (one, 'polygons of some', selected),
        'twice the points': ('coordinates of polygons, twice the points', 'coordinates of polygons', 1),
        'twice the tuples': ('coordinates of polygons, twice the tuples', 'coordinates of polygons', 1),
    })

"""What reading and decoding cost: the same tuples, in ways of ours and of others.

What the tokens hold makes no difference to the time, so they are random.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from visionllm.models.fusion import CLASS_BLOCK, class_pass_layout, coordinate_pass_layout, in_groups
from visionllm.models.llms import CausalLM, Prefix

from .timing import Suite


class Decoding:
    """Tuples behind a prefix.

    Args:
        llm: The language model, on the device where it is to be timed.
        prefix: Tokens before the tuples.
        tuples: M.
    """

    def __init__(self, llm: CausalLM, prefix: int = 300, tuples: int = 100):
        self.llm, self.prefix, self.tuples = llm, prefix, tuples
        self.device = llm.new_rows.weight.device
        self.real = torch.ones(1, prefix, dtype=torch.bool, device=self.device)

    def among_tokens(self) -> 'Decoding':
        """The same, the image tokens, which every tuple brings itself, taken for a part of the prefix."""
        return Decoding(self.llm, self.prefix - self.tuples, self.tuples)

    def tokens(self, count: int, batch: int = 1) -> Tensor:
        """Input embeddings ``float[batch, count, E]``."""
        return torch.randn(batch, count, self.llm.width, device=self.device)

    def read(self) -> Prefix:
        """The prefix alone."""
        return self.llm(self.tokens(self.prefix))[1]

    def classes(self, tuples: int) -> Prefix:
        """The prefix, and of each tuple its image token and its class query."""
        return self.llm(self.tokens(CLASS_BLOCK * tuples), self.read(), *class_pass_layout(self.real, 0, tuples))[1]

    def coordinates(self, read: Prefix, tuples: int, queries: int) -> None:
        """The coordinates of some tuples whose classes were read."""
        for some in in_groups(torch.arange(tuples, device=self.device)[None], queries):
            layout = coordinate_pass_layout(self.real, some, queries)
            self.llm(self.tokens(some.shape[1] * queries), read, *layout)

    def answer(self, tuples: int, queries: int) -> None:
        """Everything: the prefix, all tuples' classes, the coordinates of some."""
        self.coordinates(self.classes(self.tuples), tuples, queries)

    def in_one_pass(self, queries: int) -> None:
        """Everything at once: the prefix, all tuples' classes and coordinates."""
        size = CLASS_BLOCK + queries
        layout = class_pass_layout(self.real, self.prefix, self.tuples, size)
        self.llm(self.tokens(self.prefix + self.tuples * size), None, *layout)

    def densely(self, queries: int) -> None:
        """All tuples in one pass, under a mask of each token against each."""
        size = CLASS_BLOCK + queries
        block = torch.arange(self.tuples * size, device=self.device) // size
        own = (block[:, None] == block).tril()
        seen = F.pad(own, (self.prefix, 0), value=True)
        positions = self.prefix + torch.arange(size, device=self.device).repeat(self.tuples)
        self.llm(self.tokens(len(block)), self.read(), seen, positions)

    def on_copies(self, queries: int) -> None:
        """Each tuple a sequence of its own, behind a copy of the prefix."""
        self.llm(self.tokens(CLASS_BLOCK + queries, self.tuples), self.read().expand(self.tuples))

    def one_by_one(self, read: Prefix, queries: int) -> None:
        """One tuple, each token waiting for the one before."""
        for _ in range(CLASS_BLOCK + queries):
            _, read = self.llm(self.tokens(1), read)


def decoding_suite(decoding: Decoding, points: int = 24, chosen: int = 10) -> Suite:
    """Boxes and outlines, of all tuples and of some; some rows also with the image tokens, which every tuple here
    brings itself, taken for a part of the prefix, as in a prompt that holds them. Of what is written token by token
    one tuple is timed, and taken as often as needed: the cache that grows on the way is left out, in its favour."""
    tuples, queries = decoding.tuples, 2 * points
    among = decoding.among_tokens()
    with torch.no_grad():
        read, read_once, read_twice = decoding.read(), decoding.classes(tuples), decoding.classes(2 * tuples)
    rows = {
        'prefix': decoding.read,
        'boxes of all tuples': lambda: decoding.answer(tuples, 4),
        'boxes of some': lambda: decoding.answer(chosen, 4),
        'boxes of all tuples in one pass': lambda: decoding.in_one_pass(4),
        'boxes of all tuples, image tokens in the prefix': lambda: among.answer(tuples, 4),
        'boxes of some, image tokens in the prefix': lambda: among.answer(chosen, 4),
        'boxes of all tuples in one pass, image tokens in the prefix': lambda: among.in_one_pass(4),
        'outlines of all': lambda: decoding.answer(tuples, queries),
        'outlines of some': lambda: decoding.answer(chosen, queries),
        'outlines of some, image tokens in the prefix': lambda: among.answer(chosen, queries),
        'outlines of all, dense mask': lambda: decoding.densely(queries),
        'outlines of all, copied prefix': lambda: decoding.on_copies(queries),
        'outline of one, token by token': lambda: decoding.one_by_one(read, queries),
        'coordinates of outlines': lambda: decoding.coordinates(read_once, tuples, queries),
        'coordinates of outlines, twice the points': lambda: decoding.coordinates(read_once, tuples, 2 * queries),
        'coordinates of outlines, twice the tuples': lambda: decoding.coordinates(read_twice, 2 * tuples, queries),
    }
    alone = 'outline of one, token by token'
    return Suite({name: torch.no_grad()(run) for name, run in rows.items()}, {
        'boxes of all / prefix': ('boxes of all tuples', 'prefix', 1),
        'boxes of all in one pass / prefix': ('boxes of all tuples in one pass', 'prefix', 1),
        'boxes of some / prefix': ('boxes of some', 'prefix', 1),
        'boxes of all / prefix, image tokens in it': ('boxes of all tuples, image tokens in the prefix', 'prefix', 1),
        'boxes of all in one pass / prefix, image tokens in it': (
            'boxes of all tuples in one pass, image tokens in the prefix', 'prefix', 1),
        'boxes of some / prefix, image tokens in it': ('boxes of some, image tokens in the prefix', 'prefix', 1),
        'outlines of all / dense mask': ('outlines of all', 'outlines of all, dense mask', 1),
        'outlines of all / copied prefix': ('outlines of all', 'outlines of all, copied prefix', 1),
        'outlines of some / prefix': ('outlines of some', 'prefix', 1),
        'outlines of some / prefix, image tokens in it': ('outlines of some, image tokens in the prefix', 'prefix', 1),
        'token by token, all / outlines of some': (alone, 'outlines of some', tuples),
        'token by token, some / outlines of some': (alone, 'outlines of some', chosen),
        'twice the points': ('coordinates of outlines, twice the points', 'coordinates of outlines', 1),
        'twice the tuples': ('coordinates of outlines, twice the tuples', 'coordinates of outlines', 1),
    })

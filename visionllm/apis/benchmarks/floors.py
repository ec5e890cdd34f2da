"""What decoding would take if a machine did nothing but multiply, or nothing but read the weights."""

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from .decoding import Decoding
from .timing import Suite

SIDE = 4096  # of the matrices whose product says how fast a machine multiplies
NUMBERS = 2**28  # whose sum says how fast it reads: a gibibyte
PRODUCT, SUM = 'a product of matrices', 'a gibibyte read'


def floor_suite(decoding: Decoding, points: int = 24, chosen: int = 10, side: int = SIDE,
                numbers: int = NUMBERS) -> Suite:
    """Boxes and outlines of all tuples and of some, over two floors each: the time of their multiplications at the
    speed of a large product in the same precision, and the time to read the decoder's weights once a pass.

    Args:
        decoding: Image tokens are a part of its prefix.
        points: Of an outline.
        chosen: How many tuples are "some".
        side, numbers: Sizes of what the machine is measured by.
    """
    weights = decoding.llm.decoder.layers
    kind = next(weights.parameters())
    matrix = torch.randn(side, side, device=decoding.device).to(kind.dtype)
    values = torch.ones(numbers, device=decoding.device)
    size = sum(each.numel() * each.element_size() for each in weights.parameters())
    tuples, among = decoding.tuples, decoding.among_tokens()
    work = {
        'the prefix': decoding.read,
        'all boxes': lambda: among.answer(tuples, 4),
        'all boxes in one pass': lambda: among.in_one_pass(4),
        'some boxes': lambda: among.answer(chosen, 4),
        'all outlines': lambda: among.answer(tuples, 2 * points),
        'some outlines': lambda: among.answer(chosen, 2 * points),
    }
    work = {name: torch.no_grad()(run) for name, run in work.items()}
    ratios = {}
    for name, run in work.items():
        flops, passes = counted(decoding, run)
        ratios[f'{name} / multiplying'] = (name, PRODUCT, 2 * side**3 / flops)
        ratios[f'{name} / reading weights'] = (name, SUM, 4 * numbers / (passes * size))
    return Suite({**work, PRODUCT: lambda: matrix @ matrix, SUM: values.sum}, ratios)


def counted(decoding: Decoding, run: Callable[[], object]) -> tuple[int, int]:
    """FLOPs of a run, and how often the language model was passed through."""
    passes = []
    hook = decoding.llm.decoder.register_forward_hook(lambda *_: passes.append(1))
    with FlopCounterMode(display=False) as counter:
        run()
    hook.remove()
    return counter.get_total_flops(), len(passes)

"""Decoding compared to two lower bounds: the time of its matrix products, and of reading the weights from memory."""

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from .decoding import DecodingBenchmark
from .timing import Suite

MATRIX_SIZE = 4096  # side of the matrices whose product gives the machine's peak FLOP/s
NUM_VALUES = 2**28  # float32 values whose sum gives its memory bandwidth: one GiB
MATMUL, READ = 'matrix product', 'reading one GiB'


def roofline_suite(benchmark: DecodingBenchmark, points: int = 24, selected: int = 10, matrix_size: int = MATRIX_SIZE,
                   num_values: int = NUM_VALUES) -> Suite:
    """Boxes and polygons of all tuples and of some, over the time of as many FLOPs in a large matrix product of the
    same precision, and over the time of reading the decoder's weights once per forward pass.

    Args:
        benchmark: Its image tokens are moved into the prefix.
        points: Per polygon.
        selected: Number of tuples that are "some".
        matrix_size, num_values: Sizes of the two reference operations.
    """
    layers = benchmark.llm.decoder.layers
    weight = next(layers.parameters())
    matrix = torch.randn(matrix_size, matrix_size, device=benchmark.device).to(weight.dtype)
    values = torch.ones(num_values, device=benchmark.device)
    weight_bytes = sum(each.numel() * each.element_size() for each in layers.parameters())
    tuples, in_prefix = benchmark.tuples, benchmark.with_tokens_in_prefix()
    runs = {
        'the prefix': benchmark.encode_prefix,
        'all boxes': lambda: in_prefix.two_passes(tuples, 4),
        'all boxes in one pass': lambda: in_prefix.one_pass(4),
        'some boxes': lambda: in_prefix.two_passes(selected, 4),
        'all polygons': lambda: in_prefix.two_passes(tuples, 2 * points),
        'some polygons': lambda: in_prefix.two_passes(selected, 2 * points),
    }
    runs = {name: torch.no_grad()(run) for name, run in runs.items()}
    ratios = {}
    for name, run in runs.items():
        flops, passes = count_flops(benchmark, run)
        ratios[f'{name} / matrix products'] = (name, MATMUL, 2 * matrix_size**3 / flops)
        ratios[f'{name} / reading weights'] = (name, READ, 4 * num_values / (passes * weight_bytes))
    return Suite({**runs, MATMUL: lambda: matrix @ matrix, READ: values.sum}, ratios)


def count_flops(benchmark: DecodingBenchmark, run: Callable[[], object]) -> tuple[int, int]:
    """FLOPs of a run, and its number of forward passes of the language model."""
    passes = []
    hook = benchmark.llm.decoder.register_forward_hook(lambda *_: passes.append(1))
    with FlopCounterMode(display=False) as counter:
        run()
    hook.remove()
    return counter.get_total_flops(), len(passes)

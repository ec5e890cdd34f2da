"""The kernels against plain torch: compiled where there is a GPU, else in Triton's interpreter.

Triton asks when it is imported whether to interpret, and torch imports it early: the interpreter has its own process.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from visionllm.ops import dcnv3, ms_deform_attn
from visionllm.ops.ms_deform_attn import torch_ms_deform_attn

triton = pytest.importorskip('triton', reason='Triton is not installed: pip install -e ".[dev]" brings it on Linux')

ON_GPU = torch.cuda.is_available()
GOLDEN, GOLDEN_DCNV3 = (range(2), range(4)) if ON_GPU else ([1], [1, 3])  # the interpreter takes seconds for the others


def with_gradients(function, inputs, grad):
    """What a function says, and the gradients of its inputs."""
    inputs = [each.detach().clone().requires_grad_() for each in inputs]
    output = function(*inputs)
    output.backward(grad)
    return [output.detach(), *(each.grad for each in inputs)]


def attention_by_kernels(inputs, grad, shapes):
    attend = import_module('visionllm.ops.triton_ms_deform_attn').MSDeformAttn.apply
    return with_gradients(lambda value, *others: attend(value, shapes, *others), inputs, grad)


def attention_by_torch(inputs, grad, shapes):
    return with_gradients(lambda value, *others: torch_ms_deform_attn(value, shapes, *others), inputs, grad)


def dcnv3_by_kernels(inputs, grad, config):
    attend = import_module('visionllm.ops.triton_ms_deform_attn').MSDeformAttn.apply
    with patch.object(import_module('visionllm.ops.dcnv3'), 'ms_deform_attn', attend):
        return with_gradients(lambda *tensors: dcnv3(*tensors, *config), inputs, grad)


@pytest.fixture(scope='module')
def run():
    """Calls one of the above on the GPU or in the interpreter's process."""
    if ON_GPU:
        yield lambda function, inputs, grad, other: [
            each.cpu() for each in function([each.cuda() for each in inputs], grad.cuda(), other)]
        return
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as pool:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv('TRITON_INTERPRET', '1')
            pool.submit(int)  # now the process starts
        yield lambda *work: pool.submit(*work).result()


def random_case(batch, queries, heads, channels, shapes, points, seed=0):
    """Inputs, some places outside the picture; the gradient of the output; the shapes."""
    random = torch.Generator().manual_seed(seed)
    shapes = torch.tensor(shapes)
    looked_at = (batch, queries, heads, len(shapes), points)
    value = torch.randn(batch, int(shapes.prod(1).sum()), heads, channels, generator=random)
    places = torch.rand(*looked_at, 2, generator=random) * 1.6 - 0.3
    grad = torch.randn(batch, queries, heads * channels, generator=random)
    return [value, places, torch.rand(looked_at, generator=random)], grad, shapes


def assert_same(answers, expected, tolerance=1e-5):
    for answer, right in zip(answers, expected, strict=True):
        assert answer.dtype == right.dtype and answer.shape == right.shape
        assert torch.allclose(answer.float(), right.float(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize('sizes', [
    dict(batch=1, queries=7, heads=3, channels=5, shapes=[[6, 9], [3, 5]], points=3),
    dict(batch=1, queries=70, heads=1, channels=16, shapes=[[5, 4]], points=9),
    dict(batch=1, queries=5, heads=1, channels=32, shapes=[[4, 6], [2, 3], [1, 2], [1, 1]], points=4),
    dict(batch=2, queries=1, heads=3, channels=16, shapes=[[3, 8], [2, 4], [7, 1]], points=1),
])
def test_the_kernels_say_what_torch_says(run, sizes):
    case = random_case(**sizes)
    assert_same(run(attention_by_kernels, *case), attention_by_torch(*case))


@settings(max_examples=5)
@given(batch=st.integers(1, 2), queries=st.integers(0, 5), heads=st.integers(1, 2), channels=st.integers(1, 9),
       shapes=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=2),
       points=st.integers(1, 2), seed=st.integers(0, 99))
def test_so_they_do_at_any_size(run, **sizes):
    case = random_case(**sizes)
    assert_same(run(attention_by_kernels, *case), attention_by_torch(*case))


def test_on_centres_between_pixels_and_at_the_edges(run):
    """Every half pixel, from one pixel outside to one outside on the other side."""
    height, width = 4, 8  # so that places are exact
    y, x = torch.arange(-2, 2 * height + 3) / (2 * height), torch.arange(-2, 2 * width + 3) / (2 * width)
    places = torch.cartesian_prod(x, y)[None, :, None, None, None]
    inputs = [torch.randn(1, height * width, 1, 4), places, torch.rand(places.shape[:-1])]
    case = inputs, torch.randn(1, places.shape[1], 4), torch.tensor([[height, width]])
    assert_same(run(attention_by_kernels, *case), attention_by_torch(*case))


def test_a_bfloat16_value_is_read_at_float32_places(run):
    (value, *others), grad, shapes = random_case(1, 9, 2, 16, [[4, 5], [2, 3]], 2)
    case = [value.bfloat16(), *others], grad.bfloat16(), shapes
    answers = run(attention_by_kernels, *case)
    assert [each.dtype for each in answers] == [torch.bfloat16, torch.bfloat16, torch.float32, torch.float32]
    assert_same(answers, attention_by_torch(*case), tolerance=1e-2)


def test_what_a_bfloat16_pixel_is_told_by_many_adds_up(run):
    """In bfloat16 256 + 1 is 256."""
    looked_at = (1, 300, 1, 1, 1)
    inputs = [torch.ones(1, 1, 1, 8, dtype=torch.bfloat16), torch.full((*looked_at, 2), 0.5), torch.ones(looked_at)]
    _, grad, *_ = run(attention_by_kernels, inputs, torch.ones(1, 300, 8, dtype=torch.bfloat16), torch.tensor([[1, 1]]))
    assert (grad == 300).all()


@pytest.mark.parametrize('number', GOLDEN)
def test_golden_vectors(run, data, number):
    golden = {k: torch.from_numpy(v) for k, v in np.load(data / f'golden/ms_deform_attn_{number}.npz').items()}
    names = ('value', 'sampling_locations', 'attention_weights')
    answers = run(attention_by_kernels, [golden[k].float() for k in names], golden['grad_output'].float(),
                  golden['spatial_shapes'])
    assert_same(answers, [golden[k].float() for k in ('output', *(f'grad_{name}' for name in names))], tolerance=1e-4)


@pytest.mark.parametrize('number', GOLDEN_DCNV3)
def test_golden_vectors_of_dcnv3(run, data, number):
    golden = np.load(data / f'golden/dcnv3_{number}.npz')
    config = [golden[f'cfg_{name}'].item() for name in ('group', 'k', 'stride', 'pad', 'dil', 'scale')]
    names = ('input', 'offset', 'mask')
    answers = run(dcnv3_by_kernels, [torch.from_numpy(golden[name]) for name in names],
                  torch.from_numpy(golden['grad_output']), config)
    expected = [torch.from_numpy(golden[name]) for name in ('output', *(f'grad_{name}' for name in names))]
    assert_same(answers, expected, tolerance=1e-4)


@pytest.mark.parametrize('dtype', ['fp32', 'bf16'])
def test_they_compile_for_a_gpu_that_is_not_here(dtype, tmp_path, monkeypatch):
    """For Hopper, where four channels are read and added to at a time."""
    monkeypatch.setenv('TRITON_CACHE_DIR', str(tmp_path))
    kernels = import_module('visionllm.ops.triton_ms_deform_attn')
    constants = dict(CHANNELS=32, BLOCK_QUERIES=32, BLOCK_CHANNELS=32)
    types = dict.fromkeys(constants, 'constexpr') | dict.fromkeys(kernels.SIZES, 'i32') | dict(shapes='*i64')
    types |= dict.fromkeys(('value', 'output', 'grad'), f'*{dtype}')
    read = {}
    for kernel in (kernels.forward_kernel, kernels.backward_kernel):
        signature = {name: types.get(name, '*fp32') for name in kernel.arg_names}
        aligned = {(i,): [['tt.divisibility', 16]] for i, kind in enumerate(signature.values()) if kind[0] == '*'}
        source = triton.compiler.ASTSource(
            kernel, signature, {(kernel.arg_names.index(name),): size for name, size in constants.items()}, aligned)
        read[kernel] = triton.compile(source, triton.backends.compiler.GPUTarget('cuda', 90, 32)).asm
        assert read[kernel]['cubin'] and '.v4.b32' in read[kernel]['ptx']
    assert 'relaxed.add.v4.f32' in read[kernels.backward_kernel]['ptx']


@pytest.mark.skipif(not ON_GPU, reason='there is no GPU')
def test_on_a_gpu_the_public_function_runs_them():
    (value, *others), _, shapes = random_case(1, 3, 2, 8, [[4, 5]], 2)
    answer = ms_deform_attn(value.cuda().requires_grad_(), shapes, *(each.cuda() for each in others))
    assert type(answer.grad_fn).__name__.startswith('MSDeformAttn')
    assert torch.allclose(answer.cpu(), torch_ms_deform_attn(value, shapes, *others), atol=1e-5)

"""ONNX graphs of modules of tensors, and graphs one behind the other."""

import logging
import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .vocabulary import ExportError

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET, IR = 20, 10
PACKAGES = ('onnx', 'onnxscript', 'onnxruntime')


def check_packages() -> None:
    """Raise where a package that the export needs is not installed.

    Raises:
        ExportError: One is not.
    """
    lacking = [name for name in PACKAGES if find_spec(name) is None]
    if lacking:
        raise ExportError(f'An export to ONNX needs {" and ".join(lacking)}: `pip install "visionllm[export]"`.')


def module_graph(module: nn.Module, example: dict[str, Tensor], outputs: Sequence[str],
                 dynamic: dict[str, dict[int, str]] | None = None) -> 'ModelProto':
    """The graph of a module.

    Args:
        module: In evaluation mode; it takes tensors, as ``*inputs`` where they have dynamic axes, and returns tensors.
        example: Its arguments, in their order, of the shapes that the graph takes.
        outputs: Names of what it returns.
        dynamic: Name of each axis that may have another length, by argument.

    Raises:
        ExportError: PyTorch cannot export it.
    """
    axes = {name: torch.export.Dim(name, min=1) for each in (dynamic or {}).values() for name in each.values()}
    shapes = tuple({axis: axes[size] for axis, size in (dynamic or {}).get(name, {}).items()} for name in example)
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                module, tuple(example.values()), dynamo=True, verbose=False, opset_version=OPSET,
                dynamic_shapes=dict(inputs=shapes) if dynamic else None, input_names=list(example),
                output_names=list(outputs),
                custom_translation_table={torch.ops.aten._is_all_true.default: _all_true})
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise ExportError(f'PyTorch cannot export {type(module).__name__} to ONNX: {reason}') from None
    for part in (*program.model_proto.graph.node, *program.model_proto.graph.value_info):
        del part.metadata_props[:]  # where in the code it is from
    return program.model_proto


def _all_true(values):
    """Whether all of ``bool[...]`` are true: a check of transformers."""
    from onnxscript import opset20
    return opset20.ReduceMin(opset20.Cast(values, to=6), keepdims=0)


def chain(first: 'ModelProto', second: 'ModelProto', links: dict[str, str]) -> 'ModelProto':
    """Two graphs, the second of which takes outputs of the first, and perhaps inputs of its own.

    Args:
        links: Input of the second graph by the output of the first.
    """
    from onnx import compose, helper
    first, second = (compose.add_prefix(each, prefix, rename_inputs=False, rename_outputs=False)
                     for each, prefix in ((first, 'first.'), (second, 'second.')))
    first.ir_version = second.ir_version = IR
    merged = compose.merge_models(first, second, list(links.items()))
    versions = {each.domain: each.version for each in merged.opset_import}  # of each part again
    del merged.opset_import[:]
    merged.opset_import.extend(helper.make_opsetid(*each) for each in versions.items())
    return merged


@contextmanager
def _quiet():
    """Without what PyTorch and transformers say about their own code while it is traced."""
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(level)

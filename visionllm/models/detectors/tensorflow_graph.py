"""Frozen graphs of TensorFlow, read without TensorFlow: tensorboard has their format."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from visionllm.errors import ConfigError

if TYPE_CHECKING:
    from tensorboard.compat.proto.node_def_pb2 import NodeDef


class Graph(Mapping[str, 'NodeDef']):
    """The nodes of a ``.pbtxt`` by name, in their order; what they take from elsewhere are constants of a ``.pb``.

    Args:
        weights: Path of the ``.pb``.
        nodes: Path of the ``.pbtxt``, a graph as OpenCV's ``tf_text_graph_ssd.py`` writes it.

    Raises:
        ConfigError: A file is no graph.
    """

    def __init__(self, weights: Path, nodes: Path):
        from google.protobuf import text_format
        from google.protobuf.message import DecodeError
        from tensorboard.compat.proto.graph_pb2 import GraphDef
        try:
            graph = text_format.Parse(nodes.read_text(), GraphDef())
            frozen = GraphDef.FromString(weights.read_bytes())
        except (text_format.ParseError, DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f'{weights} and {nodes.name} are no graph of TensorFlow: {error}.') from None
        self.nodes = {node.name: node for node in graph.node if node.op != 'Const'}
        self.constants = {node.name: node.attr['value'].tensor for node in frozen.node if node.op == 'Const'}

    def __getitem__(self, name: str) -> 'NodeDef':
        return self.nodes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def constant(self, name: str) -> Tensor:
        """Values ``float[...]`` of a constant, in its shape.

        Raises:
            ConfigError: The weights do not hold it.
        """
        from tensorboard.util.tensor_util import make_ndarray
        if name not in self.constants:
            raise ConfigError(f'The .pb file has no constant {name}, which the .pbtxt file names.')
        return torch.as_tensor(make_ndarray(self.constants[name]))

    def constants_of(self, node: 'NodeDef') -> list[Tensor]:
        """The inputs of a node that are constants ``float[...]`` of the ``.pb``, in its order."""
        return [self.constant(name) for name in node.input if name not in self.nodes]

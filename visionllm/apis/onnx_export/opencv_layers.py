"""The network of an ``OpenCVDetector`` in PyTorch, so that it can be exported without TensorFlow.

The ``.pbtxt`` tells what there is, and OpenCV has read the weights.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .vocabulary import ExportError

NODE = re.compile(r'^node \{\n(.*?)^\}', re.M | re.S)
NUMBER = r'[-+.\de]+'


@dataclass(frozen=True)
class Node:
    """A node of a ``.pbtxt``."""
    text: str

    @property
    def kind(self) -> str:
        """Of the operation."""
        return re.search(r'op: "(\w+)"', self.text)[1]

    @property
    def inputs(self) -> list[str]:
        """Names of its inputs, weights among them."""
        return re.findall('input: "(.*?)"', self.text)

    def number(self, name: str) -> float:
        """An attribute that is a number."""
        return float(re.search(rf'key: "{name}"\s*value \{{\s*[if]: ({NUMBER})', self.text)[1])

    def word(self, name: str) -> str:
        """An attribute that is a string."""
        return re.search(rf'key: "{name}"\s*value \{{\s*s: "(\w+)"', self.text)[1]

    def numbers(self, name: str) -> list[int]:
        """An attribute that is a list of integers; ones if it has none."""
        found = re.search(rf'key: "{name}"\s*value \{{\s*list \{{((?:\s*i: {NUMBER})+)', self.text)
        return [int(each) for each in re.findall(rf'i: ({NUMBER})', found[1])] if found else [1] * 4


def read_nodes(path: Path) -> dict[str, Node]:
    """The nodes of a ``.pbtxt`` by name."""
    return {re.search('name: "(.*?)"', text)[1]: Node(text) for text in NODE.findall(path.read_text())}


class Convolution(nn.Module):
    """TensorFlow's convolution, whose padding may be larger on the right and below.

    Args:
        blobs: Weights ``float[out, in, h, w]``, and a bias ``float[out, 1]`` or none.
        node: Its node.
    """

    def __init__(self, blobs: Sequence[np.ndarray], node: Node):
        super().__init__()
        self.weight = nn.Parameter(torch.from_numpy(blobs[0].copy()), requires_grad=False)
        self.bias = nn.Parameter(torch.from_numpy(blobs[1].flatten()), requires_grad=False) if blobs[1:] else None
        self.stride, self.is_padded = node.numbers('strides')[1:3], node.word('padding') == 'SAME'
        if node.numbers('dilations') != [1] * 4:
            raise ExportError('The detector has dilated convolutions, which are not exported.')

    def forward(self, maps: Tensor) -> Tensor:
        """Maps ``float[1, out, h', w']`` of ``float[1, in, h, w]``."""
        if self.is_padded:
            missing = [max((-(-side // stride) - 1) * stride + kernel - side, 0)
                       for side, stride, kernel in zip(maps.shape[2:], self.stride, self.weight.shape[2:])]
            maps = F.pad(maps, [n for each in reversed(missing) for n in (each // 2, each - each // 2)])
        groups = maps.shape[1] // self.weight.shape[1]
        return F.conv2d(maps, self.weight, self.bias, self.stride, groups=groups)


class BatchNorm(nn.BatchNorm2d):
    """Batch normalization with OpenCV's weights: mean, variance, scale and offset."""

    def __init__(self, blobs: Sequence[np.ndarray], node: Node):
        super().__init__(blobs[0].size, eps=node.number('epsilon'))
        own = (self.running_mean, self.running_var, self.weight.data, self.bias.data)
        for values, blob in zip(own, blobs):
            values.copy_(torch.from_numpy(blob.flatten()))
        self.requires_grad_(False)


WEIGHTED = {'Conv2D': Convolution, 'DepthwiseConv2dNative': Convolution, 'FusedBatchNorm': BatchNorm}
SIMPLE = {  # without weights; OpenCV adds a BiasAdd to the convolution before it
    'Relu6': F.relu6,
    'Sigmoid': torch.sigmoid,
    'Add': torch.add,
    'BiasAdd': lambda maps: maps,
    'Identity': lambda maps: maps,
    'Flatten': lambda maps: maps.permute(0, 2, 3, 1).flatten(1),
    'ConcatV2': lambda *parts: torch.cat(parts, 1),
}
OF_PIXELS = ('Mul', 'Sub')


class OpenCVLayers(nn.Module):
    """The network of a file from the scaled pixels to some of its nodes.

    Args:
        net: As OpenCV has read it.
        nodes: Of its ``.pbtxt``.
        outputs: Names of the nodes whose values are returned.
        size: Width and height of the image.

    Raises:
        ExportError: A node is of an unknown kind.
    """

    def __init__(self, net: cv2.dnn.Net, nodes: dict[str, Node], outputs: Sequence[str], size: tuple[int, int]):
        super().__init__()
        self.outputs = tuple(outputs)
        needed, self.steps = set(outputs), []
        for name, node in reversed(nodes.items()):
            if name in needed and node.kind not in OF_PIXELS:
                inputs = [each for each in node.inputs if each in nodes and nodes[each].kind != 'Const']
                self.steps.insert(0, (name, node.kind, inputs))
                needed.update(inputs)
        unknown = [(kind, name) for name, kind, _ in self.steps if kind not in SIMPLE.keys() | WEIGHTED.keys()]
        if unknown:
            raise ExportError('The detector has a node of the kind {}, {}, which is not exported.'.format(*unknown[0]))
        self.weighted = nn.ModuleDict({name: WEIGHTED[kind](net.getLayer(name).blobs, nodes[name])
                                       for name, kind, _ in self.steps if kind in WEIGHTED})
        self.first = self.steps[0][2][0]
        self.scale, self.shift = measure_scaling(net, self.first, size)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Values of the outputs, for pixels ``float[1, 3, H, W]`` in [0, 255]."""
        values = {self.first: self.scale * pixels + self.shift}
        for name, kind, inputs in self.steps:
            layer = self.weighted[name] if kind in WEIGHTED else SIMPLE[kind]
            values[name] = layer(*(values[each] for each in inputs))
        return [values[name] for name in self.outputs]


def measure_scaling(net: cv2.dnn.Net, layer: str, size: tuple[int, int]) -> tuple[float, float]:
    """Factor and offset that the network scales pixels by, up to a layer."""
    values = []
    for pixel in (0.0, 255.0):
        net.setInput(np.full((1, 3, *size[::-1]), pixel, np.float32))
        values.append(float(net.forward(layer).flat[0]))
    return (values[1] - values[0]) / 255, values[0]

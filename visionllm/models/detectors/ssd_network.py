"""The network of TensorFlow's SSDs in PyTorch, from pixels to boxes and class scores of all anchors.

Dimensions: B images of H x W, A anchors, L columns of class scores.
"""

from collections import Counter
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from torch import Tensor, nn

from visionllm.errors import ConfigError

from .tensorflow_graph import Graph

if TYPE_CHECKING:
    from tensorboard.compat.proto.node_def_pb2 import NodeDef

PIXELS = 'image_tensor'
SCALING = {'Mul': torch.mul, 'Sub': torch.sub}  # by constants
CONVOLUTIONS = ('Conv2D', 'DepthwiseConv2dNative')
SIMPLE = {  # operations without weights
    'Add': torch.add,
    'Sigmoid': torch.sigmoid,
    'Flatten': lambda maps: maps.permute(0, 2, 3, 1).flatten(1),
    'ConcatV2': lambda *parts: torch.cat(parts, 1),
}
MERGED = ('FusedBatchNorm', 'BiasAdd', 'Relu6')  # into the convolution before


class SSDLayers(nn.Module):
    """The layers of a graph, batch normalization folded into the convolutions.

    Args:
        graph: Of the kinds of nodes above.
        outputs: Names of the nodes whose values are returned.
        size: Width and height of the images.

    Raises:
        ConfigError: A node is of another kind, or cannot be merged with the one before.

    Attributes:
        sizes: Height and width of the maps of each node.
    """

    def __init__(self, graph: Graph, outputs: tuple[str, ...], size: tuple[int, int]):
        super().__init__()
        self.convolutions, self.steps = nn.ModuleDict(), []
        self.sizes, self.place = {PIXELS: size[::-1]}, {PIXELS: PIXELS}  # name of the step that has a node's value
        needed = needed_nodes(graph, outputs)
        readers = Counter(name for node in needed for name in node.input)
        for node in needed:
            self._add(graph, node, readers)
        self.outputs = [self.place[name] for name in outputs]
        self.done = values_done(self.steps, self.outputs)

    def _add(self, graph: Graph, node: 'NodeDef', readers: Counter) -> None:
        inputs = [self.place[name] for name in node.input if name in graph]
        self.place[node.name], self.sizes[node.name] = node.name, self.sizes[next(iter(node.input))]
        if node.op == 'Identity':
            self.place[node.name] = inputs[0]
        elif node.op in MERGED:
            before = node.input[0]
            if inputs[0] not in self.convolutions or readers[before] > 1 or graph[before].op == 'Identity':
                raise ConfigError(f'The graph has a node {node.name} ({node.op}) that does not follow a convolution.')
            merge(self.convolutions[inputs[0]], node, graph.constants_of(node))
            self.place[node.name] = inputs[0]
        elif node.op in CONVOLUTIONS:
            self.convolutions[node.name] = convolution(node, *graph.constants_of(node), self.sizes[node.input[0]])
            strides = list(node.attr['strides'].list.i)[1:3]
            self.sizes[node.name] = [-(-side // stride) for side, stride in zip(self.sizes[node.name], strides)]
            self.steps.append((node.name, None, inputs))
        elif node.op in SCALING:
            value = float(graph.constants_of(node)[0])
            self.steps.append((node.name, lambda maps, scale=SCALING[node.op]: scale(maps, value), inputs))
        elif node.op in SIMPLE:
            self.steps.append((node.name, SIMPLE[node.op], inputs))
        else:
            raise ConfigError(f'The graph has a node of an unknown kind, {node.name} ({node.op}).')

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Values of the outputs, for pixels ``float[B, 3, H, W]`` in [0, 255]."""
        values = {PIXELS: pixels}
        for (name, function, inputs), done in zip(self.steps, self.done):
            layer = function or self.convolutions[name]
            values[name] = layer(*(values[each] for each in inputs))
            for each in done:
                del values[each]  # of a batch all maps are half a gigabyte
        return [values[name] for name in self.outputs]


def values_done(steps: list[tuple[str, object, list[str]]], outputs: list[str]) -> list[list[str]]:
    """The values that no step behind needs, for each step.

    Args:
        steps: Name, function and inputs of each.
        outputs: Values that are needed in the end.
    """
    done, seen = [], set(outputs)
    for _, _, inputs in reversed(steps):
        done.insert(0, [name for name in dict.fromkeys(inputs) if name not in seen])
        seen.update(inputs)
    return done


def needed_nodes(graph: Graph, outputs: tuple[str, ...]) -> list['NodeDef']:
    """The nodes that outputs depend on, in their order, without the images."""
    needed, nodes = set(outputs), []
    for name, node in reversed(graph.nodes.items()):
        if name in needed and name != PIXELS:
            nodes.insert(0, node)
            needed.update(node.input)
    return nodes


def convolution(node: 'NodeDef', weight: Tensor, size: tuple[int, int]) -> nn.Sequential:
    """TensorFlow's convolution. Its padding may be larger by one on the right and below: then a row or column of zeros
    is added to the kernel in front, for padding that is the same on both sides.

    Args:
        weight: ``float[h, w, in, out]``, or ``float[h, w, in, m]`` of one that is separate for each channel.
        size: Height and width of the maps that it is for.

    Raises:
        ConfigError: It is dilated.
    """
    if any(each != 1 for each in node.attr['dilations'].list.i):
        raise ConfigError(f'The graph has a dilated convolution, {node.name}, which is not known.')
    strides = list(node.attr['strides'].list.i)[1:3]
    groups = weight.shape[2] if node.op == 'DepthwiseConv2dNative' else 1
    channels = weight.shape[2]
    kernel = weight.permute(2, 3, 0, 1).flatten(0, 1)[:, None] if groups > 1 else weight.permute(3, 2, 0, 1)
    padding = [0, 0]
    if node.attr['padding'].s == b'SAME':
        missing = [max((-(-side // stride) - 1) * stride + width - side, 0)
                   for side, stride, width in zip(size, strides, kernel.shape[2:])]
        kernel = F.pad(kernel, (missing[1] % 2, 0, missing[0] % 2, 0))
        padding = [(each + 1) // 2 for each in missing]
    layer = nn.Conv2d(channels, len(kernel), kernel.shape[2:], strides, padding, groups=groups, device='meta')
    if node.attr['loc_pred_transposed'].b:  # y, x, height, width
        kernel = kernel.unflatten(0, (-1, 2, 2)).flip(2).flatten(0, 2)
    kernel = kernel.contiguous(memory_format=torch.channels_last)  # half the time on a CPU
    layer.weight, layer.bias = (nn.Parameter(each, False) for each in (kernel, torch.zeros(len(kernel))))
    layer.transposed_boxes = node.attr['loc_pred_transposed'].b
    return nn.Sequential(layer)


@torch.no_grad()
def merge(convolution: nn.Sequential, node: 'NodeDef', constants: list[Tensor]) -> None:
    """Let a convolution do what a node behind it does.

    Args:
        constants: Of the node: scale, offset, mean and variance ``float[out]``, or a bias ``float[out]``, or none.
    """
    layer = convolution[0]
    if node.op == 'Relu6':
        convolution.append(nn.ReLU6(inplace=True))
    elif node.op == 'BiasAdd':
        bias, = constants
        layer.bias += bias.unflatten(0, (-1, 2, 2)).flip(2).flatten() if layer.transposed_boxes else bias
    elif node.op == 'FusedBatchNorm':
        gamma, beta, mean, variance = constants
        scale = gamma / torch.sqrt(variance + node.attr['epsilon'].f)
        layer.weight *= scale[:, None, None, None]
        layer.bias += beta - mean * scale


class Anchors(nn.Module):
    """What an SSD says of its anchors.

    Args:
        graph: Its node ``detection_out`` has boxes, class scores and anchors as inputs.
        size: Width and height of the images.

    Raises:
        ConfigError: The graph is not of this kind.

    Attributes:
        min_score, max_overlap: Smallest score of a detection; largest IoU of two of one class.
        top_k, keep: At most that many detections of each class, before suppression, and of an image.
    """

    def __init__(self, graph: Graph, size: tuple[int, int]):
        super().__init__()
        node = graph.get('detection_out')
        if node is None or node.op != 'DetectionOutput':
            raise ConfigError('The graph has no node detection_out of the kind DetectionOutput.')
        boxes, scores, anchors = node.input
        self.layers = SSDLayers(graph, (boxes, scores), size)
        priors = [graph[name] for name in graph[anchors].input if name in graph]
        anchors, variances = zip(*(make_anchors(prior, self.layers.sizes[prior.input[0]], size) for prior in priors))
        self.register_buffer('anchors', torch.cat(anchors))
        self.register_buffer('variances', torch.cat(variances))
        self.background, self.top_k = node.attr['background_label_id'].i, node.attr['top_k'].i
        self.min_score, self.max_overlap = node.attr['confidence_threshold'].f, node.attr['nms_threshold'].f
        self.keep = node.attr['keep_top_k'].i

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Corners ``float[B, A, 4]`` xyxy in [0, 1], and class scores ``float[B, A, L]``.

        Args:
            images: ``uint8[B, H, W, 3]``, RGB.
        """
        encoded, scores = self.layers(images.permute(0, 3, 1, 2).float())
        encoded = encoded.view(len(images), -1, 4) * self.variances
        centers = self.anchors[:, :2] + encoded[..., :2] * self.anchors[:, 2:]
        sides = encoded[..., 2:].exp() * self.anchors[:, 2:]
        return bbox_cxcywh_to_xyxy(torch.cat([centers, sides], -1)), scores.view(len(images), len(self.anchors), -1)

    def candidates(self, scores: Tensor) -> Tensor:
        """The ``top_k`` best scores of each class but the background, and 0: ``float[L, A]`` of ``float[L, A]``."""
        kept = torch.arange(len(scores), device=scores.device) != self.background
        return torch.where(self.are_best(scores), scores, 0) * kept[:, None]

    def are_best(self, scores: Tensor) -> Tensor:
        """Whether each of the scores ``float[n, A]`` of n classes is among the ``top_k`` best of its class,
        ``bool[n, A]``."""
        return scores >= scores.topk(min(self.top_k, len(self.anchors))).values[:, -1:]


def make_anchors(node: 'NodeDef', maps: tuple[int, int], size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Anchors ``float[h * w * n, 4]`` cxcywh in [0, 1] around the pixels of a map, n at each, and their variances.

    Args:
        node: ``PriorBox`` with widths and heights in pixels of the image.
        maps: Its height and width.
        size: Width and height of the image.

    Raises:
        ConfigError: The node gives them in another way.
    """
    from tensorboard.util.tensor_util import make_ndarray
    if node.op != 'PriorBox' or not {'width', 'height', 'variance'} <= set(node.attr):
        raise ConfigError(f'The graph has anchors without widths, heights and variances, {node.name} ({node.op}).')
    widths, heights, variance = (torch.from_numpy(make_ndarray(node.attr[name].tensor))
                                 for name in ('width', 'height', 'variance'))
    sides = torch.stack([widths, heights], 1) / torch.tensor(size)  # [n, 2]
    y, x = ((torch.arange(side) + 0.5) / side for side in maps)
    centers = torch.stack(torch.meshgrid(x, y, indexing='xy'), -1).view(-1, 1, 2).expand(-1, len(sides), -1)
    anchors = torch.cat([centers, sides.expand(len(centers), -1, -1)], -1).view(-1, 4)
    return anchors, variance.expand(len(anchors), -1)

"""``model.onnx``: a picture and a vocabulary in, boxes out.

Dimensions: H x W of the picture that the graph takes, V words, N names, n answers.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import nn

from visionllm.assets import IMAGES
from visionllm.atomic_write import write_atomically
from visionllm.language import TASKS
from visionllm.version import __version__

from ..inferencer import Inferencer
from .detector_graph import DetectorGraph
from .detectors import detector_graph
from .exported import ExportedModel
from .graphs import chain, check_packages, module_graph
from .reading import BOX, DetectionReader
from .vocabulary import ExportError, Vocabulary, tuple_head

if TYPE_CHECKING:
    from onnx import ModelProto

MODEL, VOCABULARY = 'model.onnx', 'vocabulary.npz'
OUTPUTS = ('boxes', 'scores', 'labels')
EXAMPLE = ('cat', 'dog', 'bird')  # other lengths than that of a dynamic axis must not be 1
CLEAR_SCORE, TOLERANCE = 0.1, 0.01
AXES = dict(vocabulary={1: 'names'}, canonical={0: 'names'})


def export_onnx(model: nn.Module, folder: str | Path, names: Sequence[str]) -> Path:
    """Write ``model.onnx``, and ``vocabulary.npz`` of these names; other names need another vocabulary alone.

    Args:
        model: A VisionLLM on a published detector, on the CPU.
        folder: Made if it does not exist.
        names: At most 80.

    Returns:
        The path of ``model.onnx``.

    Raises:
        ExportError: The model cannot be exported, or a package is not installed.
        InstructionError: A name is invalid.
    """
    check_packages()
    vocabulary = Vocabulary.read(model, names)
    content = build_graph(model, Vocabulary.read(model, EXAMPLE)).SerializeToString()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / MODEL, content)
    vocabulary.save(folder / VOCABULARY)
    compare(model, ExportedModel(folder / MODEL, vocabulary))
    return folder / MODEL


def compare(model: nn.Module, exported: ExportedModel) -> None:
    """Compare the answers of a model and of its export on the photographs of this package.

    Raises:
        ExportError: They differ.
    """
    inferencer = Inferencer(model, None)
    instruction = TASKS['detection'].write_instruction(exported.vocabulary.names)
    for path in sorted(IMAGES.glob('*.jpg')):
        image = cv2.imread(str(path))[..., ::-1]
        expected, = inferencer([image], [path.name], instruction, 0.0)
        boxes, scores, labels = exported(image)
        should = np.zeros(max(len(expected), len(scores)))
        should[:len(expected)] = expected.scores
        off = np.abs(should[:len(scores)] - scores).max()
        far, is_other = 0.0, False
        if min(should[0], scores[0]) > CLEAR_SCORE:
            far = np.abs(boxes[0] - expected.boxes[0]).max() / max(image.shape)
            is_other = exported.vocabulary.names[labels[0]] != expected.names[0]
        if is_other or max(off, far) > TOLERANCE:
            raise ExportError(f'model.onnx has other answers than the model on {path.name}, scores by up to {off:.3f} '
                              f'and the best box by {far:.3f} of the picture: do not use it, and report it please.')


def build_graph(model: nn.Module, vocabulary: Vocabulary) -> 'ModelProto':
    """The graph of a picture and a vocabulary to boxes, with its documentation; arguments as of ``export_onnx``.

    Args:
        vocabulary: Of two names or more; its shapes and nothing else are looked at.
    """
    import onnx
    check_exportable(model)
    detector = detector_graph(model.connector.detector)
    example = detector.example | dict(vocabulary=torch.from_numpy(vocabulary.vocabulary),
                                      canonical=torch.from_numpy(vocabulary.canonical))
    reader = DetectionReader(tuple_head(model), detector.last, model.connector.num_tokens).eval()
    graph = module_graph(reader, example, OUTPUTS, detector.dynamic | AXES)
    if detector.before is not None:
        graph = chain(detector.before, graph, {name: name for name in detector.example})
    document(graph, model, detector)
    onnx.checker.check_model(graph)
    return graph


def check_exportable(model: nn.Module) -> None:
    """Raise where boxes depend on more than detections and vocabulary.

    Raises:
        ExportError: They do, or the model is not on the CPU.
    """
    head = tuple_head(model)
    if next(model.parameters()).device.type != 'cpu':
        raise ExportError('A model is exported on the CPU: load it with device="cpu".')
    others = dict(alignment=head.alignment, objectness=head.objectness)
    added = [name for name, part in others.items() if part is not None]
    if added or model.connector.guided or head.coordinates.uses_language_model(BOX):
        raise ExportError(f'The boxes of this model depend on {" and ".join(added) or "text or the language model"} as '
                          'well, which is not exported.')


def document(graph: 'ModelProto', model: nn.Module, detector: DetectorGraph) -> None:
    """Say in the file what its inputs and outputs are."""
    import onnx
    height, width = detector.size
    texts = dict(
        image=f'RGB picture uint8[{height}, {width}, 3], resized by {detector.resizing}',
        vocabulary='float[words, names], of vocabulary.npz', canonical='int64[names], of vocabulary.npz',
        boxes="float[n, 4] boxes, x1, y1, x2, y2 in [0, 1] of the picture's width and height, best first",
        scores='float[n] in [0, 1]; 0 where there is nothing', labels='int64[n], index of the name')
    for each in (*graph.graph.input, *graph.graph.output):
        each.doc_string = texts[each.name]
    graph.producer_name, graph.producer_version = 'visionllm', __version__
    graph.doc_string = 'Detection with the vocabulary as an input'
    graph.graph.name = 'visionllm'
    onnx.helper.set_model_props(graph, dict(
        description=graph.doc_string, task='detect', version=__version__, imgsz=str([height, width]),
        resize=detector.resizing, detector=model.connector.detector.source,
        words=', '.join(model.connector.detector.class_names), **texts))

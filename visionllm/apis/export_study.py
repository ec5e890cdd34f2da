"""An exported model beside the model itself, and lower precision: AP, seconds and size."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from visionllm.structures.boxes import to_xywh

from .inferencer import Inferencer
from .onnx_export import ExportedModel, Vocabulary, export_onnx
from .study import Study

REPEATS = 5  # of reading the names
Answers = tuple[NDArray, NDArray, NDArray]  # boxes float[n, 4] xyxy in pixels, scores float[n], labels int[n]


def exported(study: Study) -> dict:
    """Rows of the model, of ``model.onnx`` and of ``model.onnx`` with int8 weights; and, with the vocabulary that the
    language model reads in each precision, of ``model.onnx`` again, with the seconds of reading all names."""
    with TemporaryDirectory() as folder:
        path = export_onnx(study.model, folder, study.names)
        vocabulary = Vocabulary.read(study.model, study.names)
        rows = {'model': measure(study, predictor(study)),
                'model.onnx': measure(study, ExportedModel(path, vocabulary)) | dict(MB=megabytes(path))}
        for operations in (['MatMul', 'Gemm'], ['MatMul', 'Gemm', 'Conv']):
            small = quantize(path, operations)
            rows[f'model.onnx, int8 {" and ".join(operations)}'] = measure(
                study, ExportedModel(small, vocabulary)) | dict(MB=megabytes(small))
        for precision, seconds, size in read_in_all_precisions(study.model, study.names):
            vocabulary = Vocabulary.read(study.model, study.names)
            row = measure(study, ExportedModel(path, vocabulary))
            rows[f'read in {precision}'] = row | dict(seconds_to_read=seconds, MB=size)
    return dict(rows=rows)


def predictor(study: Study) -> Callable[[NDArray], Answers]:
    """The model as a function of an image ``uint8[H, W, 3]``; its prompt is remembered, and no detections are."""
    inferencer = Inferencer(study.model, None)
    study.model.connector.cache.size = 0
    instruction = study.write_instruction(study.names)

    def predict(image: NDArray) -> Answers:
        found, = inferencer([image], ['image'], instruction, 0.0)
        labels = np.array([study.names.index(name) for name in found.names])
        return np.array(found.boxes), np.array(found.scores), labels
    return predict


def measure(study: Study, predict: Callable[[NDArray], Answers]) -> dict[str, float]:
    """AP, and the median of the seconds of CPU time per image ``uint8[H, W, 3]``."""
    ids, records, seconds = study.category_ids(study.names), [], []
    for index in range(len(study.dataset)):
        item = study.dataset[index]
        image = np.ascontiguousarray(item['inputs'].permute(1, 2, 0).numpy()[..., ::-1])
        start = time.process_time()
        answers = predict(image)
        seconds.append(time.process_time() - start)
        records += [dict(image_id=item['data_samples'].img_id, category_id=ids[label], score=score, bbox=to_xywh(box))
                    for box, score, label in zip(*(each.tolist() for each in answers)) if score > 0]
    found = study.box_ap(records)
    return dict(AP=found['AP'], AP50=found['AP50'], seconds_per_image=float(np.median(seconds)))


def quantize(path: Path, operations: list[str]) -> Path:
    """The file with int8 weights of some operations, whose inputs are quantized as they come."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    small = path.with_suffix(f'.{len(operations)}.onnx')
    quantize_dynamic(path, small, op_types_to_quantize=operations, weight_type=QuantType.QUInt8)
    return small


def read_in_all_precisions(model: nn.Module, names: list[str]) -> Iterator[tuple[str, float, float]]:
    """Name of the precision, seconds of reading the names, and megabytes of the language model, while it is in that
    precision."""
    for dtype in (torch.bfloat16, torch.float32):
        for name, parameter in model.llm.decoder.named_parameters():
            if '.lora_' not in name:  # what was trained stays in float32
                parameter.data = parameter.data.to(dtype)
        yield str(dtype).removeprefix('torch.'), *time_reading(model, names)


def time_reading(model: nn.Module, names: list[str]) -> tuple[float, float]:
    """Median seconds of CPU time, and megabytes of the language model's weights."""
    seconds = []
    for _ in range(REPEATS):
        model.eval()  # forgets what was read
        start = time.process_time()
        Vocabulary.read(model, names)
        seconds.append(time.process_time() - start)
    size = sum(parameter.numel() * parameter.element_size() for parameter in model.llm.decoder.parameters())
    return float(np.median(seconds)), size / 2**20


def megabytes(path: Path) -> float:
    """Size of a file."""
    return path.stat().st_size / 2**20

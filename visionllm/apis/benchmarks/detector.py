"""Inference for one image, compared to MMDetection's Deformable DETR with the same backbone; random weights."""

from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import mmdet
import torch
from mmdet.datasets import CocoDataset
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from torch import nn

from visionllm import mmcv_ops
from visionllm.language import TASKS, parse_instruction

from .inputs import random_tokens
from .timing import Suite

DEFORMABLE_DETR = Path(mmdet.__file__).parent / '.mim/configs/deformable_detr/deformable-detr_r50_16xb2-50e_coco.py'


class DetectorBenchmark:
    """A VisionLLM and a reference detector on a random image.

    Args:
        model: The VisionLLM, on the device to be timed.
        size: Height and width of the image in pixels.
        reference: Config of the reference detector.
        names: Class names in the instruction.
    """

    def __init__(self, model: nn.Module, size: tuple[int, int] = (480, 640),
                 reference: str | Path = DEFORMABLE_DETR, names: Sequence[str] = CocoDataset.METAINFO['classes']):
        self.model = model.eval()
        self.tokens = random_tokens(self.model, batch_size=1)
        self.reference = MODELS.build(Config.fromfile(reference).model).to(self.tokens.boxes.device).eval()
        self.image = torch.randint(255, (3, *size), dtype=torch.uint8)
        self.names = names
        self.instruction = TASKS['detection'].write_instructions(names)

    def batch(self, instruction: str | None = None) -> dict:
        """The image with an instruction; None for all names, in groups."""
        size = self.image.shape[1:]
        meta = dict(img_shape=size, ori_shape=size, pad_shape=size, batch_input_shape=size, scale_factor=(1.0, 1.0),
                    text=self.names, instruction=instruction or self.instruction)
        return dict(inputs=[self.image], data_samples=[DetDataSample(metainfo=meta)])

    def detect(self, instruction: str | None = None) -> None:
        """Image to boxes."""
        self.model.test_step(self.batch(instruction))

    def detect_by_reference(self) -> None:
        """Image to boxes by the reference; without mmcv's compiled ops it uses its PyTorch implementation, on a GPU
        as well."""
        with patch('mmcv.ops.multi_scale_deform_attn.IS_CUDA_AVAILABLE', mmcv_ops.install()):
            self.reference.test_step(self.batch())

    def clear_cache(self) -> None:
        """Clear the cache of encoded instructions."""
        self.model.eval()

    def decode(self) -> None:
        """The language model's part: instruction and image tokens to boxes."""
        self.model.heads['tuples'].predict(self.model.llm, [parse_instruction(self.instruction)], self.tokens)


def detector_suite(benchmark: DetectorBenchmark) -> Suite:
    """One image, and the language model's part; with the instruction cached and not cached."""
    def uncached(run):
        benchmark.clear_cache()
        run()

    rows = {
        'an image, new instruction': lambda: uncached(benchmark.detect),
        'an image': benchmark.detect,
        'an image, Deformable DETR': benchmark.detect_by_reference,
        'language model, new instruction': lambda: uncached(benchmark.decode),
        'language model': benchmark.decode,
    }
    return Suite({name: torch.no_grad()(run) for name, run in rows.items()}, {
        'an image, new instruction / Deformable DETR': ('an image, new instruction', 'an image, Deformable DETR', 1),
        'an image / Deformable DETR': ('an image', 'an image, Deformable DETR', 1),
        'second image / first, language model': ('language model', 'language model, new instruction', 1),
    })


def vocabulary_suite(benchmark: DetectorBenchmark) -> Suite:
    """A class set in several groups: all groups on one image together, one by one, and a single group."""
    groups = benchmark.instruction
    rows = {
        'names in groups': benchmark.detect,
        'groups one by one': lambda: [benchmark.detect(group) for group in groups],
        'one group': lambda: benchmark.detect(groups[0]),
    }
    return Suite({name: torch.no_grad()(run) for name, run in rows.items()}, {
        'names in groups / groups one by one': ('names in groups', 'groups one by one', 1),
        'names in groups / one group': ('names in groups', 'one group', 1),
    })

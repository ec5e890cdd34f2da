"""A whole detector beside MMDetection's Deformable DETR: the same backbone, the same picture, random weights."""

from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import mmdet
import torch
from mmdet.datasets import CocoDataset
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config

from visionllm import mmcv_ops
from visionllm.language import TASKS, parse_instruction

from .subjects import random_tokens
from .timing import Suite

PEER = Path(mmdet.__file__).parent / '.mim/configs/deformable_detr/deformable-detr_r50_16xb2-50e_coco.py'


class Detector:
    """Our model, and the peer.

    Args:
        ours: A VisionLLM, on the device where it is to be timed.
        size: Height and width of the picture.
        peer: Config of the peer.
        names: Classes that are named.
    """

    def __init__(self, ours, size: tuple[int, int] = (480, 640), peer: str | Path = PEER,
                 names: Sequence[str] = CocoDataset.METAINFO['classes']):
        self.ours = ours.eval()
        self.tokens = random_tokens(self.ours, pictures=1)
        self.peer = MODELS.build(Config.fromfile(peer).model).to(self.tokens.boxes.device).eval()
        self.picture = torch.randint(255, (3, *size), dtype=torch.uint8)
        self.names = names
        self.instruction = TASKS['detection'].orders(names)

    def batch(self, instruction: str | None = None) -> dict:
        """The picture, with all that is asked of it, or with another instruction."""
        size = self.picture.shape[1:]
        meta = dict(img_shape=size, ori_shape=size, pad_shape=size, batch_input_shape=size, scale_factor=(1.0, 1.0),
                    text=self.names, instruction=instruction or self.instruction)
        return dict(inputs=[self.picture], data_samples=[DetDataSample(metainfo=meta)])

    def look_and_answer(self, instruction: str | None = None) -> None:
        """Everything, from the picture to boxes."""
        self.ours.test_step(self.batch(instruction))

    def look_as_peer(self) -> None:
        """The same by the peer; without mmcv's compiled ops by its torch road, on a GPU too."""
        with patch('mmcv.ops.multi_scale_deform_attn.IS_CUDA_AVAILABLE', mmcv_ops.install()):
            self.peer.test_step(self.batch())

    def forget(self) -> None:
        """The next instruction is read as if it were the first."""
        self.ours.eval()

    def answer(self) -> None:
        """The language model's part alone: an instruction and image tokens to boxes."""
        self.ours.heads['tuples'].predict(self.ours.llm, [parse_instruction(self.instruction)], self.tokens)


def detector_suite(detector: Detector) -> Suite:
    """One picture, and the language model's part of it; an instruction that is new, and one that was read before."""

    def anew(run):
        detector.forget()
        run()

    rows = {
        'a picture, new instruction': lambda: anew(detector.look_and_answer),
        'a picture': detector.look_and_answer,
        'a picture, Deformable DETR': detector.look_as_peer,
        'language model, new instruction': lambda: anew(detector.answer),
        'language model': detector.answer,
    }
    return Suite({name: torch.no_grad()(run) for name, run in rows.items()}, {
        'a picture, new instruction / Deformable DETR': ('a picture, new instruction', 'a picture, Deformable DETR', 1),
        'a picture / Deformable DETR': ('a picture', 'a picture, Deformable DETR', 1),
        'second picture / first, language model': ('language model', 'language model, new instruction', 1),
    })


def vocabulary_suite(detector: Detector) -> Suite:
    """A class set in groups, asked of one picture; each group of it asked of a picture of its own; one group."""
    groups = detector.instruction
    rows = {
        'names in groups': detector.look_and_answer,
        'groups asked one by one': lambda: [detector.look_and_answer(group) for group in groups],
        'a group': lambda: detector.look_and_answer(groups[0]),
    }
    return Suite({name: torch.no_grad()(run) for name, run in rows.items()}, {
        'names in groups / groups asked one by one': ('names in groups', 'groups asked one by one', 1),
        'names in groups / a group': ('names in groups', 'a group', 1),
    })

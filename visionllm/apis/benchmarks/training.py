"""What a training step costs: one instruction shared by a batch against one a picture, outlines against boxes."""

import copy
from collections.abc import Callable
from unittest.mock import patch

import torch
from torch import Tensor

from visionllm.datasets.instruct import instruction_collate
from visionllm.language import TASKS, parse_instruction
from visionllm.models import CausalLM
from visionllm.structures import Target

from .subjects import few_scenes, random_tokens
from .timing import Suite


class SharedInstruction:
    """The heads' part of a training step on random scenes that share an instruction.

    Args:
        model: A VisionLLM.
        names: The instruction's class set.
        pictures: Size of the batch.
        objects: On each picture, on the first image tokens.
    """

    def __init__(self, model, names: tuple[str, ...], pictures: int = 16, objects: int = 5):
        self.model, self.llm, self.head = model, model.llm, model.heads['tuples']
        self.instructions = [parse_instruction(TASKS['detection'].order(names))] * pictures
        self.tokens = random_tokens(model, pictures)
        on = torch.arange(objects)
        self.targets = [
            Target(boxes[:objects], torch.randint(len(names), (objects, )), torch.rand(objects, 2, 2),
                   torch.zeros(objects, 0, 2), names, pairs=(on, on)) for boxes in self.tokens.boxes]

    def step(self) -> dict[str, Tensor]:
        """Forward and backward; the gradients."""
        torch.manual_seed(0)  # the same tuples every time
        losses = self.head.loss(self.llm, self.instructions, self.tokens, self.targets)
        self.model.parse_losses(losses)[0].backward()
        parts = dict(llm=self.llm, head=self.head).items()
        gradients = {f'{part}.{name}': p.grad for part, module in parts for name, p in module.named_parameters()
                     if p.grad is not None}
        for module in (self.llm, self.head):
            module.zero_grad(set_to_none=True)
        return gradients

    def step_apart(self) -> dict[str, Tensor]:
        """The same, the instruction read once for each picture."""
        def read(llm, text):
            return llm(llm.embed_text(text).expand(len(self.targets), -1, -1))[1]
        with patch.object(CausalLM, 'read', read):
            return self.step()


class TaskSteps:
    """Training steps of a config on the same pictures, for one task or another.

    Args:
        config: Of a model for several tasks.
        model: Built from it.
        data_root: Where the scenes are, or are written to.
        pictures: Size of the batch.
    """

    def __init__(self, config: str, model, data_root: str, pictures: int = 8):
        self.model = model.train()
        self.batches = {task: [dataset[i] for i in range(pictures)]
                        for task, dataset in few_scenes(config, data_root).items()}

    def step(self, task: str) -> None:
        """Forward and backward."""
        torch.manual_seed(0)
        batch = instruction_collate(copy.deepcopy(self.batches[task]), vary=())
        data = self.model.data_preprocessor(batch, training=True)
        losses = self.model(**data, mode='loss')
        self.model.parse_losses(losses)[0].backward()
        self.model.zero_grad(set_to_none=True)


def kept_bytes(step: Callable[[], object]) -> int:
    """Memory that a step keeps for its backward pass."""
    sizes = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        step()
    return sum(sizes.values())


def training_suite(shared: SharedInstruction, tasks: TaskSteps) -> Suite:
    """Training steps, and the memory of two."""
    boxes, outlines = (kept_bytes(lambda task=task: tasks.step(task)) for task in ('detection', 'segmentation'))
    return Suite({
        'a step, shared instruction': shared.step,
        'a step, an instruction a picture': shared.step_apart,
        'a step, boxes': lambda: tasks.step('detection'),
        'a step, outlines': lambda: tasks.step('segmentation'),
    }, {
        'shared instruction / one a picture': ('a step, shared instruction', 'a step, an instruction a picture', 1),
        'outlines / boxes': ('a step, outlines', 'a step, boxes', 1),
    }, {'outlines / boxes, memory kept for the backward pass': outlines / boxes})

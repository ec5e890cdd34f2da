"""What a training step costs: one instruction shared by a batch against one a picture, outlines against boxes."""

import copy
from collections.abc import Callable, Sequence
from unittest.mock import patch

import torch
from torch import Tensor

from visionllm.datasets.instruct import instruction_collate
from visionllm.language import parse_instruction
from visionllm.models import CausalLM
from visionllm.models.averages import averages
from visionllm.models.llms.recompute import recompute_layers
from visionllm.structures import Target

from .subjects import few_scenes, random_tokens
from .timing import Suite


class HeadStep:
    """The heads' part of a training step on random scenes.

    Args:
        model: A VisionLLM.
        instructions: One a picture.
        objects: On each picture, on the first image tokens.
    """

    def __init__(self, model, instructions: list[str], objects: int = 5):
        self.model, self.llm, self.head = model, model.llm, model.heads['tuples']
        self.instructions = [parse_instruction(text) for text in instructions]
        self.tokens = random_tokens(model, len(instructions))
        on = torch.arange(objects)
        self.targets = [
            Target(boxes[:objects], torch.randint(len(asked.class_names), (objects, )), torch.rand(objects, 2, 2),
                   torch.zeros(objects, 0, 2), asked.class_names, are_words=False, pairs=(on, on))
            for boxes, asked in zip(self.tokens.boxes, self.instructions)]

    def step(self) -> dict[str, Tensor]:
        """Forward and backward; the gradients."""
        self._learn(range(len(self.targets)))
        return self._gradients()

    def step_one_by_one(self) -> dict[str, Tensor]:
        """The same, one picture after the other."""
        for picture in range(len(self.targets)):
            self._learn([picture])
        return self._gradients()

    def step_apart(self) -> dict[str, Tensor]:
        """The same, an instruction that all share read once for each picture."""
        def read(llm, texts):
            embeddings = torch.cat([llm.embed_text(text) for text in texts])
            return llm(embeddings)[1], torch.ones(embeddings.shape[:2], dtype=torch.bool)
        with patch.object(CausalLM, 'read', read):
            return self.step()

    def _learn(self, pictures: Sequence[int]) -> None:
        torch.manual_seed(0)  # the same tuples every time
        losses = self.head.loss(self.llm, [self.instructions[i] for i in pictures], self.tokens[list(pictures)],
                                [self.targets[i] for i in pictures])
        (self.model.parse_losses(averages(losses))[0] * len(pictures) / len(self.targets)).backward()

    def _gradients(self) -> dict[str, Tensor]:
        parts = dict(llm=self.llm, head=self.head).items()
        gradients = {f'{part}.{name}': p.grad for part, module in parts for name, p in module.named_parameters()
                     if p.grad is not None}
        for module in (self.llm, self.head):
            module.zero_grad(set_to_none=True)
        return gradients


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


def training_suite(shared: HeadStep, phrases: HeadStep, tasks: TaskSteps) -> Suite:
    """Training steps, and the memory of two, also where layers are run again on the way back.

    Args:
        shared: Of pictures with one instruction.
        phrases: Of pictures with an instruction each.
        tasks: Whole steps.
    """
    patient = copy.deepcopy(tasks)
    recompute_layers(patient.model.llm.decoder)
    return Suite({
        'a step, shared instruction': shared.step,
        'a step, shared instruction read for each picture': shared.step_apart,
        'a step, a phrase a picture': phrases.step,
        'a step, a phrase a picture, one by one': phrases.step_one_by_one,
        'a step, boxes': lambda: tasks.step('detection'),
        'a step, outlines': lambda: tasks.step('segmentation'),
    }, {
        'shared instruction / read for each picture': ('a step, shared instruction',
                                                       'a step, shared instruction read for each picture', 1),
        'phrases / one by one': ('a step, a phrase a picture', 'a step, a phrase a picture, one by one', 1),
        'outlines / boxes': ('a step, outlines', 'a step, boxes', 1),
    }, {
        'outlines / boxes, memory kept for the backward pass': outlines_over_boxes(tasks),
        'outlines / boxes, memory kept, gradient checkpointing': outlines_over_boxes(patient),
    })


def outlines_over_boxes(tasks: TaskSteps) -> float:
    """Of the memory that a step keeps."""
    return kept_bytes(lambda: tasks.step('segmentation')) / kept_bytes(lambda: tasks.step('detection'))

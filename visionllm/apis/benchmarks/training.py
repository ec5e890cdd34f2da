"""Training steps: an instruction shared by the batch or one per image, and polygons or boxes."""

import copy
from collections.abc import Callable, Sequence
from unittest.mock import patch

import torch
from torch import Tensor, nn

from visionllm.datasets.instruct import instruction_collate
from visionllm.language import parse_instruction
from visionllm.models import CausalLM
from visionllm.models.llms.gradient_checkpointing import checkpoint_layers
from visionllm.models.loss_reduction import reduce_losses
from visionllm.structures import Target

from .inputs import random_tokens, scene_datasets
from .timing import Suite


class HeadStepBenchmark:
    """Training steps of the tuple head and the language model, on random image tokens.

    Args:
        model: A VisionLLM.
        instructions: One per image.
        objects: Per image, matched to the first image tokens.
    """

    def __init__(self, model: nn.Module, instructions: list[str], objects: int = 5):
        self.model, self.llm, self.head = model, model.llm, model.heads['tuples']
        self.instructions = [parse_instruction(text) for text in instructions]
        self.tokens = random_tokens(model, len(instructions))
        index = torch.arange(objects)
        self.targets = [
            Target(boxes[:objects], torch.randint(len(instruction.class_names), (objects, )),
                   torch.rand(objects, 2, 2), torch.zeros(objects, 0, 2), instruction.class_names,
                   names_are_classes=False, matches=(index, index))
            for boxes, instruction in zip(self.tokens.boxes, self.instructions)]

    def step(self) -> dict[str, Tensor]:
        """Forward and backward pass; the gradients by parameter name."""
        self._backward(range(len(self.targets)))
        return self._gradients()

    def step_per_image(self) -> dict[str, Tensor]:
        """The same, with a pass per image."""
        for image in range(len(self.targets)):
            self._backward([image])
        return self._gradients()

    def step_unshared(self) -> dict[str, Tensor]:
        """The same, with an instruction that all images share encoded once per image."""
        def encode_prefix(llm, texts):
            embeddings = torch.cat([llm.embed_text(text) for text in texts])
            return llm(embeddings)[1], torch.ones(embeddings.shape[:2], dtype=torch.bool)
        with patch.object(CausalLM, 'encode_prefix', encode_prefix):
            return self.step()

    def _backward(self, images: Sequence[int]) -> None:
        torch.manual_seed(0)  # the same sample of tuples in each step
        losses = self.head.loss(self.llm, [self.instructions[i] for i in images], self.tokens[list(images)],
                                [self.targets[i] for i in images])
        (self.model.parse_losses(reduce_losses(losses))[0] * len(images) / len(self.targets)).backward()

    def _gradients(self) -> dict[str, Tensor]:
        parts = dict(llm=self.llm, head=self.head).items()
        gradients = {f'{part}.{name}': p.grad for part, module in parts for name, p in module.named_parameters()
                     if p.grad is not None}
        for module in (self.llm, self.head):
            module.zero_grad(set_to_none=True)
        return gradients


class TaskStepBenchmark:
    """Training steps of a config on the same images, for detection and for segmentation.

    Args:
        config: Of a model for several tasks on scenes.
        model: Built from it.
        data_root: Folder of the scenes, which are generated if it does not have them.
        batch_size: Images per step.
    """

    def __init__(self, config: str, model: nn.Module, data_root: str, batch_size: int = 8):
        self.model = model.train()
        self.batches = {task: [dataset[i] for i in range(batch_size)]
                        for task, dataset in scene_datasets(config, data_root).items()}

    def step(self, task: str) -> None:
        """Forward and backward pass."""
        torch.manual_seed(0)
        batch = instruction_collate(copy.deepcopy(self.batches[task]), vary=())
        data = self.model.data_preprocessor(batch, training=True)
        losses = self.model(**data, mode='loss')
        self.model.parse_losses(losses)[0].backward()
        self.model.zero_grad(set_to_none=True)


def saved_bytes(step: Callable[[], object]) -> int:
    """Bytes of the tensors that are saved for the backward pass."""
    sizes = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        step()
    return sum(sizes.values())


def training_suite(shared: HeadStepBenchmark, phrases: HeadStepBenchmark, tasks: TaskStepBenchmark) -> Suite:
    """Time of training steps; and memory, also with gradient checkpointing.

    Args:
        shared: With one instruction for all images.
        phrases: With an instruction per image.
        tasks: Steps of the whole model.
    """
    checkpointed = copy.deepcopy(tasks)
    checkpoint_layers(checkpointed.model.llm.decoder)
    return Suite({
        'a step, shared instruction': shared.step,
        'a step, shared instruction encoded per image': shared.step_unshared,
        'a step, a phrase per image': phrases.step,
        'a step, a phrase per image, one by one': phrases.step_per_image,
        'a step, boxes': lambda: tasks.step('detection'),
        'a step, polygons': lambda: tasks.step('segmentation'),
    }, {
        'shared instruction / encoded per image': ('a step, shared instruction',
                                                   'a step, shared instruction encoded per image', 1),
        'phrases / one by one': ('a step, a phrase per image', 'a step, a phrase per image, one by one', 1),
        'polygons / boxes': ('a step, polygons', 'a step, boxes', 1),
    }, {
        'polygons / boxes, memory saved for the backward pass': polygon_memory_ratio(tasks),
        'polygons / boxes, memory saved, gradient checkpointing': polygon_memory_ratio(checkpointed),
    })


def polygon_memory_ratio(tasks: TaskStepBenchmark) -> float:
    """Bytes saved for the backward pass of a step with polygons, over one with boxes."""
    return saved_bytes(lambda: tasks.step('segmentation')) / saved_bytes(lambda: tasks.step('detection'))

"""Projector alignment: a projector learns that image tokens are what lies at their place, in the language model's own
words (an addition to LLaVA, whose first stage learns this from captions). The language model is not run.

Dimensions: B images, M image tokens, K names of a batch, n tokens on objects, E width of the language model.
"""

import torch
from mmdet.registry import TASK_UTILS
from torch import Tensor, nn

from visionllm.errors import ConfigError
from visionllm.models.loss_reduction import merge_losses
from visionllm.models.prompts import ProjectedPrompt
from visionllm.models.samples import build_target
from visionllm.models.similarity import embedding_distance
from visionllm.structures import LossTerm, Target

from .alignment_losses import alignment_losses
from .stage import PretrainingStage

EDGES = (' top', ' bottom', ' left', ' right')


@TASK_UTILS.register_module()
class ProjectorAlignment(PretrainingStage):
    """Train a ``ProjectedPrompt`` on the names and the places of annotated objects.

    Args:
        name, steps, lr, dataset_weights, batch_size: As of ``PretrainingStage``.
        background: Word for tokens that lie on no object; None leaves them free.
    """

    logged = ('acc_word', 'loss_distance')

    def __init__(self, name: str, steps: int, lr: float = 1e-3, dataset_weights: list[float] | None = None,
                 batch_size: int | None = None, background: str | None = None):
        super().__init__(name, steps, lr, dataset_weights, batch_size)
        self.background = background

    def check(self, model: nn.Module) -> None:
        if 'text' not in model.heads or not isinstance(model.heads['text'].image_prompt, ProjectedPrompt):
            raise ConfigError(f'{self.name} trains a projector: add text=dict(type=\'NextTokenHead\', image_prompt='
                              'dict(type=\'ProjectedPrompt\')) to model.heads.')

    def parts(self, model: nn.Module) -> list[nn.Module]:
        """The projector."""
        return [model.heads['text'].image_prompt]

    def losses(self, model: nn.Module, batch: dict) -> dict[str, LossTerm]:
        """Which name a token on an object is closest to, and its distance to name and place."""
        data = model.data_preprocessor(batch, training=True)
        samples = data['data_samples']
        targets = [build_target(sample) for sample in samples]
        with torch.no_grad():
            layers = model.extract_tokens(data['inputs'], samples)
            model.connector_loss(layers, targets)  # matches tokens to objects
            names, labels = names_of_tokens(targets, layers[-1].boxes.shape[1])
            vocabulary = model.llm.embed_names([f' {name}' for name in names])
            places = place_embeddings(model.llm, layers[-1].boxes)
        projected = torch.stack(model.heads['text'].image_prompt(model.llm, [], layers[-1]))
        on_object = labels >= 0
        losses = alignment_losses(projected[on_object] - places[on_object], vocabulary, labels[on_object])
        if self.background is None:
            return losses
        tokens, word = projected[~on_object], model.llm.embed_names([f' {self.background}'])
        distance = LossTerm(embedding_distance(tokens, word, vocabulary).sum(), len(tokens))
        return merge_losses(losses, dict(loss_distance=distance))


def names_of_tokens(targets: list[Target], count: int) -> tuple[list[str], Tensor]:
    """The K names of all objects, and ``int[B, M]``: that of each of ``count`` tokens, -1 on no object."""
    names = sorted({target.names[label] for target in targets for label in target.labels.tolist()})
    index = {name: k for k, name in enumerate(names)}
    labels = torch.full((len(targets), count), -1, device=targets[0].labels.device)
    for row, target in zip(labels, targets):
        own = labels.new_tensor([index[target.names[label]] for label in target.labels.tolist()])
        row[target.matches[0]] = own[target.matches[1]]
    return names, labels


def place_embeddings(llm: nn.Module, boxes: Tensor) -> Tensor:
    """``float[B, M, E]`` of boxes ``float[B, M, 4]`` (cxcywh): mixtures of the words top and bottom, left and right,
    less their mean."""
    first, last = llm.embed_names(list(EDGES)).unflatten(0, (2, 2)).unbind(1)  # [2, E]
    return ((boxes[..., [1, 0], None] - 0.5) * (last - first)).sum(-2)

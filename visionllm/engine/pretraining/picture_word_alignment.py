"""Picture-word alignment: behind the first cross-attention layer, the place of a picture in the text learns to be what
the words of its caption are for the language model (an addition to Flamingo, whose training is long enough to find
that). The language model is not run.

Dimensions: B pictures, K captions of a batch, E width of the language model.
"""

import torch
import torch.nn.functional as F
from mmdet.registry import TASK_UTILS
from mmengine.runner import Runner
from torch import Tensor, nn

from visionllm.errors import ConfigError
from visionllm.language.documents import parse_chunk
from visionllm.models import InterleavedTextHead
from visionllm.models.similarity import embedding_distance, similarity_logits
from visionllm.structures import LossTerm

from ..distributed import unwrapped
from .progress import StageProgress
from .stage import PretrainingStage

SCALE = 10.0  # of the cosine similarity to captions
OPEN_GATE = 0.5


@TASK_UTILS.register_module()
class PictureWordAlignment(PretrainingStage):
    """Train resampler, first cross-attention layer and rows on the asked pictures of documents that have ``captions``.

    Args:
        name, steps, lr, dataset_weights, batch_size: As of ``PretrainingStage``.
        head: Name of the head that answers in text.
    """

    logged = ('acc_caption', 'loss_distance')
    needs_objects = False

    def __init__(self, name: str, steps: int, lr: float = 1e-3, dataset_weights: list[float] | None = None,
                 batch_size: int | None = None, head: str = 'text'):
        super().__init__(name, steps, lr, dataset_weights, batch_size)
        self.head = head

    def check(self, model: nn.Module) -> None:
        if self.head not in model.heads or not isinstance(model.heads[self.head], InterleavedTextHead):
            raise ConfigError(f'{self.name} trains cross-attention: add {self.head}=dict('
                              'type=\'InterleavedTextHead\') to model.heads.')

    def parts(self, model: nn.Module) -> list[nn.Module]:
        """Resampler, first cross-attention layer and rows."""
        head = model.heads[self.head]
        return [model.refiners, head.fusion.layers['0'], head.rows]

    def run(self, runner: Runner, progress: StageProgress) -> dict[str, Tensor]:
        """As in ``PretrainingStage``; the first layer starts with open gates, behind which its attention learns."""
        layer = unwrapped(runner.model).heads[self.head].fusion.layers['0']
        for gate in (layer.alpha_cross_attn, layer.alpha_dense):
            nn.init.constant_(gate, OPEN_GATE)
        return super().run(runner, progress)

    def losses(self, model: nn.Module, batch: dict) -> dict[str, LossTerm]:
        """Which caption of the batch a picture is closest to, and its distance.

        Raises:
            ConfigError: A picture has no caption.
        """
        data = model.data_preprocessor(batch, training=True)
        asked = [i for i, sample in enumerate(data['data_samples']) if parse_chunk(sample.instruction).is_open]
        samples = [data['data_samples'][i] for i in asked]
        captions = [next(iter(sample.get('captions', ())), None) for sample in samples]
        if None in captions:
            raise ConfigError(f'{self.name} learns from captions, and a picture has none: add them to the dataset, or '
                              'leave the dataset out with dataset_weights.')
        unique = sorted(set(captions))
        truth = torch.tensor([unique.index(caption) for caption in captions], device=data['inputs'].device)
        words = model.llm.embed_names(unique)
        states = model.heads[self.head].picture_states(model.llm, model.extract_tokens(data['inputs'][asked],
                                                                                      samples)[-1])
        logits = similarity_logits(states, words, states.new_tensor(SCALE).log())
        return dict(
            loss_caption=LossTerm(F.cross_entropy(logits, truth, reduction='sum'), len(truth)),
            loss_distance=LossTerm(embedding_distance(states, words[truth], words).sum(), len(truth)),
            acc_caption=LossTerm(100 * (logits.argmax(-1) == truth).sum(), len(truth)))

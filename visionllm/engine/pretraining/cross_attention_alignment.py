"""Cross-attention alignment: behind the first cross-attention layer, the place of a picture in the text learns to be
what the words of its caption are for the language model (an addition to Flamingo, whose training is long enough to
find that). The language model is not run.

Dimensions: B pictures, K captions of a batch, E width of the language model.
"""

import torch
from mmdet.registry import TASK_UTILS
from mmengine.runner import Runner
from torch import Tensor, nn

from visionllm.errors import ConfigError
from visionllm.language.documents import parse_chunk
from visionllm.models import InterleavedTextHead
from visionllm.structures import LossTerm

from ..distributed import unwrapped
from .alignment_losses import alignment_losses
from .progress import StageProgress
from .stage import PretrainingStage

OPEN_GATE = 0.5


@TASK_UTILS.register_module()
class CrossAttentionAlignment(PretrainingStage):
    """Train resampler, first cross-attention layer and rows on the asked pictures of documents that have ``captions``.

    Arguments as of ``PretrainingStage``.
    """

    logged = ('acc_word', 'loss_distance')
    needs_objects = False

    def check(self, model: nn.Module) -> None:
        if 'text' not in model.heads or not isinstance(model.heads['text'], InterleavedTextHead):
            raise ConfigError(f'{self.name} trains cross-attention: add text=dict(type=\'InterleavedTextHead\') to '
                              'model.heads.')

    def parts(self, model: nn.Module) -> list[nn.Module]:
        """Resampler, first cross-attention layer and rows."""
        head = model.heads['text']
        return [model.refiners, head.fusion.layers['0'], head.rows]

    def run(self, runner: Runner, progress: StageProgress) -> dict[str, Tensor]:
        """As in ``PretrainingStage``; the first layer starts with open gates, behind which its attention learns."""
        layer = unwrapped(runner.model).heads['text'].fusion.layers['0']
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
        tokens = model.extract_tokens(data['inputs'][asked], samples)[-1]
        return alignment_losses(model.heads['text'].picture_states(model.llm, tokens), model.llm.embed_names(unique),
                                truth)

"""What happens inside a model between an image with class names and the answer.

Dimensions: H, W the image, M image tokens, K named classes, V words of the vocabulary, T text tokens, P samples.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import AttentionInterface

from visionllm.errors import UserError
from visionllm.language import Instruction, instruction_sentences
from visionllm.models import FormatQueryHead, VisionLLM
from visionllm.models.connectors.deformable_attention import DeformableAttention
from visionllm.models.heads.vocabulary_reader import VocabularyReader
from visionllm.ops.block_attention import SHARED_PREFIX, Blocks, block_weights, shared_prefix_attention
from visionllm.structures import ImageTokens

from .inferencer import Inferencer

LAST_LAYERS = 4  # of the language model, whose attention is averaged
CLASS_QUERY = 1  # its place in a block
LEARNED_WORD = 'learned word {}'


class InspectionError(UserError, ValueError):
    """A model that has not what is to be looked at."""


@dataclass
class Reading:
    """An image, class names, and what the model makes of them.

    Args:
        image: ``uint8[H, W, 3]``, RGB.
        instruction: Which names the classes.
        tokens: Of the image.
        head: Which reads them.
        model: Of both.
        boxes: ``float[M, 4]`` xyxy in pixels, of the tokens.
        logits: ``float[M, K + 1]``, the last of no object.
        scores: ``float[M, K]``.
    """
    image: np.ndarray
    instruction: Instruction
    tokens: ImageTokens
    head: FormatQueryHead
    model: VisionLLM
    boxes: np.ndarray
    logits: np.ndarray
    scores: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """The named classes."""
        return self.instruction.class_names

    def best_tokens(self, count: int) -> list[int]:
        """The tokens with the highest scores, the best first."""
        return np.argsort(-self.scores.max(1), kind='stable')[:count].tolist()


@torch.no_grad()
def read_image_with(inferencer: Inferencer, image: np.ndarray, instruction: str | tuple[str, ...]) -> Reading:
    """Class scores of all image tokens.

    Args:
        inferencer: With the model.
        image: ``uint8[H, W, 3]``, RGB.
        instruction: Of boxes or polygons.

    Raises:
        InspectionError: There are more names than one instruction holds, or the model reads no class names.
    """
    text, *others = instruction_sentences(instruction)
    if others:
        raise InspectionError('There are more names than one instruction holds: name fewer.')
    batch, model = inferencer.batch([image], ['image'], text), inferencer.model
    data = model.data_preprocessor(batch, False)
    tokens = model.extract_tokens(data['inputs'], data['data_samples'])[-1]
    (head, _, instructions), = model.group_by_head(data['data_samples'])
    if not isinstance(head, FormatQueryHead):
        raise InspectionError(f'{type(head).__name__} of this model reads no class names; inspect a model with a '
                              'FormatQueryHead.')
    logits, _ = head.decode_classes(model.llm, instructions, tokens)
    size = np.tile(image.shape[1::-1], 2)
    centers, sides = tokens.boxes[0].cpu().numpy().reshape(-1, 2, 2).swapaxes(0, 1)
    boxes = np.concatenate([centers - sides / 2, centers + sides / 2], 1) * size
    return Reading(image, instructions[0], tokens, head, model, boxes, logits[0].cpu().numpy(),
                   head.class_reader.scores(logits)[0].cpu().numpy())


@dataclass
class WordClasses:
    """To which class each word of a detector's vocabulary belongs.

    Args:
        words: V words.
        names: K classes, and what belongs to none of them.
        probability: ``float[V, K + 1]``, rows sum to one.
    """
    words: list[str]
    names: list[str]
    probability: np.ndarray


@torch.no_grad()
def classes_of_words(reading: Reading) -> WordClasses:
    """What the language model answered when it looked the words of the vocabulary up in the instruction.

    Raises:
        InspectionError: The model reads image tokens instead.
    """
    reader, llm = reading.head.class_reader, reading.model.llm
    if not isinstance(reader, VocabularyReader):
        raise InspectionError('This model reads image tokens and no vocabulary: look at its attention.')
    known = reading.tokens.class_names
    queries = llm.new_token_embeddings(['<cls>'])
    classes, _ = reader.read_words(llm, [reading.instruction], known, queries)
    probability = classes[0].exp().cpu().numpy()
    learned = [LEARNED_WORD.format(number) for number in range(1, len(probability) - len(known) + 1)]
    return WordClasses([*known, *learned], [*reading.names, 'none of them'], probability)


@dataclass
class Attention:
    """What the class query of each image token attends to, averaged over heads and the last layers.

    Args:
        texts: T tokens of the instruction.
        to_text: ``float[M, T]``.
        to_image: ``float[M, M]``; no columns for a model without image context.
        to_itself: ``float[M]``, to its own token and the query. Together the three of a token sum to one.
    """
    texts: list[str]
    to_text: np.ndarray
    to_image: np.ndarray
    to_itself: np.ndarray


@torch.no_grad()
def attention_of_tokens(reading: Reading) -> Attention:
    """Run the class pass again, and keep the attention weights.

    Raises:
        InspectionError: The model reads no image tokens.
    """
    reader, llm = reading.head.class_reader, reading.model.llm
    if not reader.reads_tokens:
        raise InspectionError('This model reads the words of a vocabulary, and no image tokens.')
    with recorded_weights() as recorded:
        reading.head.decode_classes(llm, [reading.instruction], reading.tokens)
    weights = torch.stack([each[0, :, CLASS_QUERY] for each in recorded[-LAST_LAYERS:]]).mean(0)  # [M, S + 2]
    before, after = reading.instruction.text.split('<image>')
    texts = [[llm.vocabulary.tokenizer.decode([index]) for index in llm.vocabulary.encode(text)]
             for text in (before, after + reader.opening)]
    images = weights.shape[1] - 2 - sum(map(len, texts))
    head, context, tail, own = weights.split([len(texts[0]), images, len(texts[1]), 2], 1)
    return Attention([*texts[0], *texts[1]], torch.cat([head, tail], 1).cpu().numpy(), context.cpu().numpy(),
                     own.sum(1).cpu().numpy())


@contextmanager
def recorded_weights() -> Iterator[list[Tensor]]:
    """Attention weights ``float[B, n, q, S + e + q]`` of the blocks of each layer that runs in this context."""
    recorded = []

    def attend_and_record(module, query, key, value, attention_mask, scaling, dropout=0.0,
                          blocks: Blocks | None = None, **unused) -> tuple[Tensor, None]:
        if blocks is not None:
            recorded.append(block_weights(query, key, blocks, scaling))
        return shared_prefix_attention(module, query, key, value, attention_mask, scaling, dropout, blocks)
    AttentionInterface.register(SHARED_PREFIX, attend_and_record)
    try:
        yield recorded
    finally:
        AttentionInterface.register(SHARED_PREFIX, shared_prefix_attention)


@torch.no_grad()
def sampling_of_tokens(inferencer: Inferencer, reading: Reading) -> tuple[np.ndarray, np.ndarray]:
    """Where the last layer of the image tokenizer samples feature maps for each token.

    Returns:
        Points ``float[M, P, 2]``, x and y in pixels, and their weights ``float[M, P]``, which sum to one.

    Raises:
        InspectionError: The tokens are those of a published detector, which is not looked into.
    """
    layers = [layer for layer in reading.model.connector.modules() if isinstance(layer, DeformableAttention)]
    if not layers:
        raise InspectionError('The image tokens of this model are the detections of a published detector: there are '
                              'no sampling points to show.')
    recorded = []

    def record(layer: DeformableAttention, _, arguments: dict) -> None:
        recorded.append(layer.sampling(arguments['query'] + arguments['query_pos'], arguments['reference_points'],
                                       arguments['spatial_shapes']))
    hook = layers[-1].register_forward_pre_hook(record, with_kwargs=True)
    try:
        batch = inferencer.batch([reading.image], ['image'], reading.instruction.text)
        data = reading.model.data_preprocessor(batch, False)
        reading.model.run_connector(data['inputs'], data['data_samples'])
    finally:
        hook.remove()
    (locations, weights), = recorded
    height, width = data['inputs'].shape[-2:]
    scale = data['data_samples'][0].scale_factor
    points = locations[0].flatten(1, 3).cpu().numpy() * (width / scale[0], height / scale[1])
    weights = weights[0].flatten(1).cpu().numpy()
    return points, weights / weights.sum(1, keepdims=True)

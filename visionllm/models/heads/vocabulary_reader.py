"""Classification of a published detector's tokens: the language model reads each word of the vocabulary, not each
token.

A token is one of V words, with probabilities that the detector gives. Which class of the instruction a word belongs
to depends on the instruction alone, so the language model looks each word up once. What word and name have to do with
one another by themselves is added (``NamePMI``, ``NameSimilarity``), and the answer is remembered with the prompt. The
probability of a class at a token is the sum over words of the probability of the word at the token times that of the
class given the word. An average of embeddings, which is no word, is never read.

Dimensions: B images, M image tokens, V words, K named classes, E width of the language model.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from torch import Tensor, nn

from visionllm.language import Instruction
from visionllm.structures import ImageTokens

from ..llms import CausalLM
from ..prompt_cache import PromptCache
from .class_pass import ClassPassOutput
from .class_reader import ClassMapLookup, mask_padding
from .colour_match import add_colour_logits, pool_same_nouns
from .name_pmi import NamePMI
from .name_similarity import NameSimilarity
from .query_embedding import QueryEmbedding
from .token_words import TokenWords

MIN_SCORE, MAX_SCORE = 1e-30, 1 - 1e-6  # words of one class can sum to more than one
EXPRESSION_POWER = 4  # of what is read of an expression: it speaks of one thing, and half-read words are noise


@MODELS.register_module()
class VocabularyReader(ClassMapLookup):
    """Words of image tokens, and the class of each word.

    A class has a score of its own, as in the detector: probabilities of different classes do not sum to one.

    Args:
        channels: Of the image tokens' features.
        llm_width: E.
        num_classes: Classes of the detector.
        vocab_size: Tokens of the language model's base vocabulary.
        sentence_encoder: Config of ``SentenceEncoder``.
        learned_words: Words besides the detector's class names.
        min_match_iou: In training, a token whose box overlaps less with the object matched to it is no object: a
            published detector's boxes are not trained.
        opening, initial_scale: As of ``ClassMapLookup``.
        expression_guidance: Config of ``ExpressionGuidance``; None for none.
    """

    reads_tokens = False

    def __init__(self, channels: int, llm_width: int, num_classes: int, vocab_size: int, sentence_encoder: dict,
                 learned_words: int = 16, min_match_iou: float = 0.5, opening: str = '\n{"', initial_scale: float = 1.0,
                 expression_guidance: dict | None = None):
        super().__init__(opening, initial_scale, image_context=False)
        self.min_match_iou = min_match_iou
        self.words = TokenWords(channels, llm_width, num_classes, learned_words)
        self.pmi = NamePMI(vocab_size)
        self.similarity = NameSimilarity(MODELS.build(sentence_encoder))
        self.calibration = nn.Parameter(torch.tensor([1.0, 0.0]))  # scale and offset of the log-odds
        sizes = dict(num_classes=num_classes, llm_width=llm_width)
        self.expression_guidance = MODELS.build({**expression_guidance, **sizes}) if expression_guidance else None
        self._cache = PromptCache()

    def classify(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens,
                 query_embedding: QueryEmbedding, queries: Tensor) -> tuple[Tensor, ClassPassOutput]:
        """Log-odds ``float[B, M, K + 1]`` of the classes, the last of no object and 0; and the output of reading.

        Args:
            query_embedding: Unused; the class query does not depend on the token.
            queries: ``float[1, E]``, the class query.
        """
        classes, output = self.read_words(llm, instructions, tokens.class_names, queries)
        expressions = self.find_expressions(llm, instructions, tokens.class_names)
        if expressions:
            classes = classes.clone()
            classes[list(expressions)] *= EXPRESSION_POWER
        with torch.autocast(classes.device.type, enabled=False):  # scores span many powers of ten
            logits = F.pad(self.class_logits(tokens, classes[..., :-1].float().exp()), (0, 1))
            logits = add_colour_logits(logits, [instruction.read_names for instruction in instructions], tokens)
        return self.guide(llm, expressions, tokens, logits), output

    def class_logits(self, tokens: ImageTokens, vocabulary: Tensor) -> Tensor:
        """Log-odds ``float[B, M, K]`` of the classes at the tokens, by the probability ``float[B, V, K]`` of each class
        given each word."""
        scores = self.words(tokens).float().sigmoid() @ vocabulary
        scale, offset = self.calibration
        return scale * scores.clamp(MIN_SCORE, MAX_SCORE).logit() + offset

    @torch.no_grad()  # ReferringExpressions trains it
    def find_expressions(self, llm: CausalLM, instructions: list[Instruction],
                         class_names: Sequence[str]) -> dict[int, str]:
        """The expressions that mean one thing, by the index of their instruction, which names nothing else; a name of
        the detector's classes means all of them."""
        alone = {b: instruction.read_names[0] for b, instruction in enumerate(instructions)
                 if len(instruction.class_names) == 1 and instruction.read_names[0] not in class_names}
        if self.expression_guidance is None or not alone:
            return {}
        are_expressions = self.expression_guidance.are_expressions(llm, list(alone.values()))
        return {b: text for (b, text), is_expression in zip(alone.items(), are_expressions) if is_expression}

    def guide(self, llm: CausalLM, expressions: dict[int, str], tokens: ImageTokens, logits: Tensor) -> Tensor:
        """Log-odds ``float[B, M, K + 1]`` with those of being meant by the expressions of some images."""
        if not expressions:
            return logits
        rows = torch.tensor(list(expressions), device=logits.device)
        with torch.no_grad():
            meant = self.expression_guidance(llm, list(expressions.values()), tokens[rows], logits[rows, :, 0])
        return logits.index_add(0, rows, F.pad(meant[..., None], (0, logits.shape[-1] - 1)))

    def read_words(self, llm: CausalLM, instructions: list[Instruction], class_names: tuple[str, ...],
                   queries: Tensor) -> tuple[Tensor, ClassPassOutput]:
        """Log-probabilities ``float[B, V, K + 1]`` of the classes given each word, the last of ``<none>``.

        Without gradients they are remembered until the weights change.

        Args:
            class_names: Of the detector.
            queries: ``float[1, E]``, the class query.
        """
        unique = {instruction.text: instruction for instruction in instructions}

        def read() -> tuple[Tensor, ClassPassOutput]:
            words = self.words.embed(llm, class_names).expand(len(unique), -1, -1)
            logits, output = self(llm, list(unique.values()), words, queries.expand(*words.shape[:2], 1, -1))
            class_sets = [instruction.read_names for instruction in unique.values()]
            prior = self.prior_logits(llm, class_names, class_sets)
            learned = prior.mean(1, keepdim=True).expand(-1, words.shape[1] - len(class_names), -1)  # have no name
            logits = self.scale * logits + F.pad(torch.cat([prior, learned], 1), (0, 1))
            log_probs = mask_padding(logits, list(unique.values())).log_softmax(-1)
            return pool_same_nouns(log_probs, class_sets), output

        classes, output = read() if torch.is_grad_enabled() else self._cache.get_or_compute(tuple(unique), read)
        rows = torch.tensor([list(unique).index(instruction.text) for instruction in instructions],
                            device=classes.device)
        return classes[rows], output.select(rows)

    def prior_logits(self, llm: CausalLM, words: Sequence[str], class_sets: Sequence[Sequence[str]]) -> Tensor:
        """Additions ``float[B, n, K]`` to the logits of the classes given n words, whatever the instruction says."""
        return self.pmi(llm, words, class_sets) + self.similarity(words, class_sets)

    @staticmethod
    def scores(logits: Tensor) -> Tensor:
        """Probabilities ``float[..., K]`` of log-odds ``float[..., K + 1]``."""
        return logits[..., :-1].sigmoid()

    @staticmethod
    def token_loss(logits: Tensor, target: Tensor) -> Tensor:
        """Binary cross-entropy ``float[n]``, summed over classes, of log-odds ``float[n, K + 1]`` and classes
        ``int[n]``: unlike a focal loss it leaves scores calibrated."""
        one_hot = F.one_hot(target, logits.shape[-1])[:, :-1].to(logits)
        return F.binary_cross_entropy_with_logits(logits[:, :-1], one_hot, reduction='none').sum(-1)

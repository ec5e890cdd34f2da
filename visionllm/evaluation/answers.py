"""Accuracy of short answers to questions."""

import re
from collections import defaultdict
from collections.abc import Sequence

from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric

from visionllm.errors import ConfigError

ARTICLES = ('a', 'an', 'the')
DIGITS = {word: str(number) for number, word in enumerate(
    'zero one two three four five six seven eight nine ten'.split())} | {'none': '0'}
WORD = re.compile(r"\d+\.\d+|[^\W_]+(?:'[^\W_]+)*")  # 3.5, don't


def get_pred_text(sample: dict, key: str = 'pred_text') -> str:
    """The text that the model generated for a sample, or chose (``pred_choice``).

    Raises:
        ConfigError: It is not a string.
    """
    text = sample.get(key)
    if not isinstance(text, str):
        raise ConfigError(f'Image {sample.get("img_id")} has {text!r} as its {key} where a string is expected; only '
                          'an instruction with the output format (text) is answered with text, and only samples with '
                          'choices get a pred_choice, by the hook ChoiceScoring in default_hooks.')
    return text


def normalize_answer(text: str) -> str:
    """Normalize an answer as in VQA's evaluation: lower case, no punctuation, no articles, numbers up to ten in digits.

    ``The top-left.`` becomes ``top left``, ``None`` becomes ``0``. Articles are kept if there is nothing else.
    """
    text = re.sub(r'(?<=\d),(?=\d)', '', text.lower().replace('’', "'"))
    words = [DIGITS.get(word, word) for word in WORD.findall(text)]
    return ' '.join([word for word in words if word not in ARTICLES] or words)


@METRICS.register_module()
class AnswerMetric(BaseMetric):
    """Exact match after ``normalize_answer``: ``accuracy`` in percent, ``accuracy_KIND`` for each kind of question.

    ``empty`` is the number of predicted answers without a word; they count as wrong. Reads ``pred_text`` (str),
    ``answer`` (str) and ``kind`` (str; optional) of each sample.

    Args:
        pattern: Regular expression whose first group is the answer in a predicted text, such as
            ``The answer is ([A-H])`` (ScienceQA); the last match counts, and a text without one is wrong. None takes
            the whole text.
        key: What is compared: ``pred_text``, or the ``pred_choice`` of ``ChoiceScoring``.
        collect_device: Device for collecting the results of all processes, ``cpu`` or ``gpu``.
        prefix: Prefix of the metric names.

    Raises:
        ConfigError: A sample lacks its predicted or ground truth answer, or there is no sample.
    """

    default_prefix = 'answer'

    def __init__(self, pattern: str | None = None, key: str = 'pred_text', collect_device: str = 'cpu',
                 prefix: str | None = None):
        super().__init__(collect_device, prefix)
        self.pattern, self.key = pattern, key

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Compare the answers of a batch."""
        for sample in data_samples:
            truth = normalize_answer(sample.get('answer') or '')
            if not truth:
                raise ConfigError(f'Image {sample.get("img_id")} has the answer {sample.get("answer")!r}, which holds '
                                  'no word; leave the question out of the data set.')
            text = get_pred_text(sample, self.key)
            found = [text] if self.pattern is None else ['', *re.findall(self.pattern, text)]
            predicted = normalize_answer(found[-1])
            self.results.append((predicted == truth, sample.get('kind') or '', not predicted))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics over all questions."""
        if not results:
            raise ConfigError('There is no answer to evaluate.')
        kinds = defaultdict(list)
        for correct, kind, _ in results:
            kinds[kind].append(correct)
        by_kind = {f'accuracy_{kind}': 100 * sum(values) / len(values)
                   for kind, values in sorted(kinds.items()) if kind}
        correct, empty = (sum(result[i] for result in results) for i in (0, 2))
        return dict(accuracy=100 * correct / len(results), **by_kind, empty=empty)

"""Are short answers to questions right?"""

import re
from collections import defaultdict
from collections.abc import Sequence

from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric

ARTICLES = ('a', 'an', 'the')
DIGITS = {word: str(number) for number, word in enumerate(
    'zero one two three four five six seven eight nine ten'.split())} | {'none': '0'}
WORD = re.compile(r"\d+\.\d+|[^\W_]+(?:'[^\W_]+)*")  # 3.5, don't


def predicted_text(sample: dict) -> str:
    """What the model said.

    Raises:
        ValueError: It said nothing that is text.
    """
    text = sample.get('pred_text')
    if not isinstance(text, str):
        raise ValueError(f'Picture {sample.get("img_id")} has {text!r} as its pred_text where a string is expected; '
                         'only an instruction that asks for (text) is answered in words.')
    return text


def normal_answer(text: str) -> str:
    """An answer as VQA's evaluation compares it: lower case, no punctuation, no articles, numbers up to ten in digits.

    ``The top-left.`` is ``top left``, ``None`` is ``0``. Articles stay where nothing else is said.
    """
    said = re.sub(r'(?<=\d),(?=\d)', '', text.lower().replace('’', "'"))
    words = [DIGITS.get(word, word) for word in WORD.findall(said)]
    return ' '.join([word for word in words if word not in ARTICLES] or words)


@METRICS.register_module()
class AnswerMetric(BaseMetric):
    """Exact match after ``normal_answer``: ``accuracy`` in percent, ``accuracy_KIND`` for each kind of question.

    ``empty`` says how many answers held no word; they are wrong. Reads ``pred_text`` (str), ``answer`` (str) and
    ``kind`` (str; it may be blank or missing) of each sample.

    Args:
        collect_device: Where results of several processes meet, ``cpu`` or ``gpu``.
        prefix: Put before the names of the figures.

    Raises:
        ValueError: A sample lacks an answer, said or right, or there is no sample.
    """

    default_prefix = 'answer'

    def __init__(self, collect_device: str = 'cpu', prefix: str | None = None):
        super().__init__(collect_device, prefix)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Judge a batch."""
        for sample in data_samples:
            wanted = normal_answer(sample.get('answer') or '')
            if not wanted:
                raise ValueError(f'Picture {sample.get("img_id")} has the answer {sample.get("answer")!r}, which holds '
                                 'no word; leave the question out of the data set.')
            said = normal_answer(predicted_text(sample))
            self.results.append((said == wanted, sample.get('kind') or '', not said))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Figures of all questions."""
        if not results:
            raise ValueError('There is no answer to evaluate.')
        kinds = defaultdict(list)
        for right, kind, _ in results:
            kinds[kind].append(right)
        scores = {f'accuracy_{kind}': 100 * sum(rights) / len(rights) for kind, rights in sorted(kinds.items()) if kind}
        right, empty = (sum(result[i] for result in results) for i in (0, 2))
        return dict(accuracy=100 * right / len(results), **scores, empty=empty)

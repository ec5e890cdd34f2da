"""LLaVA-Bench (Liu et al., NeurIPS 2023): free answers that a judge compares with those of a language model that was
given the truth as text.

Its files are JSON lines: questions (``question_id``, ``image``, ``text``, ``category``), contexts (``image``,
``caption``) and reference answers (``question_id``, ``text``). A judge is any command that reads a prompt from standard
input and prints two scores from 1 to 10 first: of the reference, and of the model.
"""

import re
import subprocess
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from visionllm.annotations.files import read_json
from visionllm.errors import UserError

RULE = ('Two assistants answered the question about a picture, of which you know the context above alone. Rate each '
        'for helpfulness, relevance, accuracy and detail with a score from 1 to 10, not by their order. '
        'Print the two scores in the first line, with a space between them, and your reasons after it.')


class JudgeError(UserError, RuntimeError):
    """A judge could not be run, or printed no two scores."""


def read_lines(path: str | Path) -> list[dict]:
    """Records of a file of JSON lines, also of a single one.

    Raises:
        AnnotationError: The file does not exist, or a line is no JSON.
    """
    records = read_json(path)
    return records if isinstance(records, list) else [records]


def answer_questions(ask: Callable[[Path, str], str], questions: list[dict], images: Path) -> list[dict]:
    """Answers of a model, as records with ``question_id`` and ``text``.

    Args:
        ask: From the path of an image and a question to an answer.
        questions: Records of the questions.
        images: Folder of the images.
    """
    return [dict(question_id=each['question_id'], text=ask(images / each['image'], each['text']))
            for each in questions]


def judge_prompt(context: str, question: str, reference: str, answer: str) -> str:
    """What a judge is given."""
    parts = dict(Context=context, Question=question)
    answers = {'Assistant 1': reference, 'Assistant 2': answer}
    blocks = [f'[{name}]\n{text}\n' for name, text in parts.items()]
    blocks += [f'[{name}]\n{text}\n\n[End of {name}]\n' for name, text in answers.items()]
    return '\n'.join([*blocks, f'[System]\n{RULE}\n'])


def command_judge(command: str) -> Callable[[str], str]:
    """A judge that is a command of the shell."""
    def judge(prompt: str) -> str:
        process = subprocess.run(command, shell=True, input=prompt, capture_output=True, text=True)
        if process.returncode:
            last = (process.stderr.strip().splitlines() or ['no message'])[-1]
            raise JudgeError(f'The judge {command!r} failed: {last}. It must read a prompt from standard input.')
        return process.stdout
    return judge


def read_scores(text: str) -> tuple[float, float]:
    """The two scores in the first line of a judgement.

    Raises:
        JudgeError: There are none.
    """
    first = (text.strip().splitlines() or [''])[0]
    found = re.findall(r'\d+(?:\.\d+)?', first)
    if len(found) != 2:
        raise JudgeError(f'The judge printed {first!r} where two scores are expected, such as "8 6".')
    return float(found[0]), float(found[1])


def relative_scores(judge: Callable[[str], str], questions: list[dict], contexts: list[dict], references: list[dict],
                    answers: list[dict]) -> dict[str, float]:
    """Scores of the answers by those of the references, in percent: of each category, and of ``all``.

    Args:
        judge: From a prompt to a judgement.
        questions, contexts, references, answers: Records of the files.

    Raises:
        UserError: A question has no context, no reference or no answer.
    """
    captions = {each['image']: each['caption'] for each in contexts}
    by_id = [{each['question_id']: each['text'] for each in records} for records in (references, answers)]
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for each in questions:
        number, image = each['question_id'], each['image']
        if image not in captions or any(number not in texts for texts in by_id):
            raise UserError(f'Question {number} about {image} lacks a context, a reference or an answer: the files '
                            'belong to different sets of questions.')
        texts = [texts[number] for texts in by_id]
        scores = read_scores(judge(judge_prompt(captions[image], each['text'], *texts)))
        for category in (each.get('category', 'all'), 'all'):
            sums[category] = [total + score for total, score in zip(sums[category], scores)]
    return {category: 100 * ours / reference for category, (reference, ours) in sums.items()}

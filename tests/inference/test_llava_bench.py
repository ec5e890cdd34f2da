import json
from pathlib import Path

import pytest

from visionllm.errors import UserError
from visionllm.inference.llava_bench import (
    JudgeError,
    answer_questions,
    command_judge,
    read_lines,
    read_scores,
    relative_scores,
)

QUESTIONS = [dict(question_id=1, image='a.jpg', text='What is it?', category='conv'),
             dict(question_id=2, image='a.jpg', text='Describe it.', category='detail')]
CONTEXTS = [dict(id=9, image='a.jpg', caption='a donkey')]
REFERENCES = [dict(question_id=1, text='A donkey.'), dict(question_id=2, text='A grey donkey.')]


def test_scores_are_those_of_the_answers_by_those_of_the_references(tmp_path):
    answers = answer_questions(lambda path, question: f'{path.name}: {question}', QUESTIONS, Path('images'))
    assert answers[1] == dict(question_id=2, text='a.jpg: Describe it.')
    prompts = []

    def judge(prompt):
        prompts.append(prompt)
        return '8 4\nshort' if 'Describe' in prompt else '10, 9'
    assert relative_scores(judge, QUESTIONS, CONTEXTS, REFERENCES, answers) == pytest.approx(
        dict(conv=90, detail=50, all=100 * 13 / 18))
    assert prompts[0].index('a donkey') < prompts[0].index('A donkey.') < prompts[0].index('a.jpg: What is it?')


def test_a_judge_is_any_command():
    judge = command_judge('cat > /dev/null; echo 7 7.5')
    assert read_scores(judge('x' * 100_000)) == (7, 7.5)
    with pytest.raises(JudgeError, match='two scores'):
        read_scores('Both are good.')
    with pytest.raises(JudgeError, match='broken'):
        command_judge('echo broken >&2; exit 3')('')


def test_files_of_different_questions_are_one_sentence(tmp_path):
    with pytest.raises(UserError, match='Question 2'):
        relative_scores(lambda _: '1 1', QUESTIONS, CONTEXTS, REFERENCES, REFERENCES[:1])
    (tmp_path / 'q.jsonl').write_text(json.dumps(QUESTIONS[0]) + '\n\nno')
    with pytest.raises(UserError, match='JSON lines'):
        read_lines(tmp_path / 'q.jsonl')

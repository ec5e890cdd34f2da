"""LLaVA-Bench: answer its questions, and let any judge compare the answers with the reference answers.

    python tools/llava_bench.py answer CONFIG CHECKPOINT questions.jsonl images/ answers.jsonl
    python tools/llava_bench.py judge questions.jsonl context.jsonl answers_gpt4.jsonl answers.jsonl --command "JUDGE"

JUDGE is a command that reads a prompt from standard input and prints two scores, of the reference and of the answer.
Where the truth is known, as of the scenes, `visionllm study facts` needs no judge.
"""

import argparse
import json
from pathlib import Path

from visionllm.cli.common import existing_config, existing_file, run_safely
from visionllm.cli.parser import Parser


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command_name', metavar='COMMAND', required=True)
    answer = commands.add_parser('answer', help='let a model answer the questions')
    answer.add_argument('config', type=existing_config)
    answer.add_argument('checkpoint', type=existing_file)
    answer.add_argument('questions', type=existing_file)
    answer.add_argument('images', type=Path, help='folder of the images')
    answer.add_argument('out', type=Path, help='file of answers to write, .jsonl')
    judge = commands.add_parser('judge', help='compare answers with the reference answers')
    for name in ('questions', 'contexts', 'references', 'answers'):
        judge.add_argument(name, type=existing_file)
    judge.add_argument('--command', required=True, help='the judge')
    args = parser.parse_args()
    (run_answer if args.command_name == 'answer' else run_judge)(args)


def run_answer(args: argparse.Namespace) -> None:
    from visionllm import VisionLLM
    from visionllm.inference.llava_bench import answer_questions, read_lines
    model = VisionLLM(args.config, args.checkpoint)
    answers = answer_questions(lambda path, question: model.predict(str(path), question=question)[0].text,
                               read_lines(args.questions), args.images)
    args.out.write_text(''.join(f'{json.dumps(each)}\n' for each in answers))
    print(f'{args.out}: {len(answers)} answers')


def run_judge(args: argparse.Namespace) -> None:
    from visionllm.inference.llava_bench import command_judge, read_lines, relative_scores
    files = [read_lines(path) for path in (args.questions, args.contexts, args.references, args.answers)]
    for category, score in relative_scores(command_judge(args.command), *files).items():
        print(f'{category}: {score:.1f} % of the reference')


if __name__ == '__main__':
    run_safely(main)

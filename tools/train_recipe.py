"""Run several trainings in order and export the result: ``python tools/train_recipe.py RECIPE [--plan]``.

``make weights`` is ``python tools/train_recipe.py configs/recipes/visionllm_nano_scenes.py``: the shipped weights from
nothing. It can be stopped and started again: finished trainings and stages are not repeated.
"""

import argparse

from visionllm.cli.common import existing_file, run_safely
from visionllm.cli.parser import Parser


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('recipe', type=existing_file,
                        help='config with runs=[dict(config=..., minutes=..., amp=...), ...] and out=FOLDER')
    parser.add_argument('--work-dirs', default='work_dirs', help='folder of the work dirs (default work_dirs)')
    parser.add_argument('--plan', action='store_true', help='only print what would be done')
    args = parser.parse_args()

    import visionllm.registration  # noqa: F401
    from visionllm.engine.recipe import Recipe
    recipe = Recipe(args.recipe, args.work_dirs)
    print('\n'.join(recipe.plan()), flush=True)
    if not args.plan:
        recipe.execute()


if __name__ == '__main__':
    run_safely(main)

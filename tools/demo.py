"""``make demo``: name things on photographs; on scenes five tasks, seven instructions and fine-tuning."""

import argparse

from _cli import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()

    from visionllm.apis.demo import run_demo
    run_demo()


if __name__ == '__main__':
    run(main)

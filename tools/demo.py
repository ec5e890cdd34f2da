"""``make demo``: evaluate the shipped model at five tasks, give it seven instructions, fine-tune it."""

import argparse

from _cli import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()

    from visionllm.apis.demo import run_demo
    run_demo()


if __name__ == '__main__':
    run(main)

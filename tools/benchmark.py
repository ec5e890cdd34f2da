"""What decoding costs: ``python tools/benchmark.py [--repeats 5] [--out docs/benchmark.json]``.

Tuples behind a prefix of 300 tokens, in ways of ours and of others; seconds are medians of one run, ratios are between
rows of it. ``some`` are ten of a hundred tuples. Of what is written token by token one tuple is timed, and taken a
hundred times, or ten: the cache that grows on the way is left out, in its favour.
"""

import argparse
import json
from pathlib import Path

import torch

from visionllm.apis.benchmarks import Decoding, decoding_rows, ratios, timed
from visionllm.models import CausalLM


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--llm', default='wheel:smollm2-135m-instruct', help='hub id or folder of a causal LM')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--out', type=Path, help='write the result here as JSON')
    args = parser.parse_args()
    decoding = Decoding(CausalLM(args.llm, lora_rank=0).eval())
    seconds = timed(decoding_rows(decoding), args.repeats)
    result = dict(llm=args.llm, threads=torch.get_num_threads(), seconds=seconds, ratios=ratios(seconds))
    for name, figures in (('seconds', seconds), ('ratios', result['ratios'])):
        print(name)
        print('\n'.join(f'  {row:45s}{value:9.3f}' for row, value in figures.items()))
    if args.out:
        args.out.write_text(json.dumps(result, indent=1))


if __name__ == '__main__':
    main()

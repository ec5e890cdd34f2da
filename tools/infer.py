"""``visionllm predict``, under the name that MMDetection's users know."""

import sys

from visionllm.cli.main import main

if __name__ == '__main__':
    main(['predict', *sys.argv[1:]])

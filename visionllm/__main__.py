"""``python -m visionllm``, the same as the command ``visionllm``."""

from .cli.main import main

if __name__ == '__main__':
    main()

"""The command ``visionllm``. Importing it loads nothing heavy: help answers at once, and mistakes are told early."""

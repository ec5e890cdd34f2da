"""Evaluations, benchmarks and checks behind the commands."""

from visionllm import mmdet_setup  # noqa: F401

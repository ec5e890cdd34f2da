"""Importing this module registers all parts with MMDetection; in a config:
``custom_imports = dict(imports=['visionllm.registration'])``.
"""

from . import datasets, engine, evaluation, models

__all__ = ['datasets', 'engine', 'evaluation', 'models']

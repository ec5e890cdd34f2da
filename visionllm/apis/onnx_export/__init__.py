"""Models on a published detector as ONNX files, with the vocabulary as an input."""

from .exported import ExportedModel
from .files import export_onnx
from .vocabulary import ExportError, Vocabulary

__all__ = ['ExportError', 'ExportedModel', 'Vocabulary', 'export_onnx']

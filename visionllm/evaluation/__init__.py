from .calibration import calibration_error
from .detection import box_average_precision, hits

__all__ = ['box_average_precision', 'calibration_error', 'hits']

"""Drawings of all predictions of a test, for ``tools/test.py --show-dir``."""

from collections.abc import Sequence
from pathlib import Path

from mmdet.registry import HOOKS
from mmdet.structures import DetDataSample
from mmengine.hooks import Hook
from mmengine.runner import Runner
from PIL import Image

from visionllm.annotations import read_image
from visionllm.thresholds import SCORE_THRESHOLD
from visionllm.visualization import Prediction, draw


@HOOKS.register_module()
class DrawPredictions(Hook):
    """Draws boxes, polygons, keypoints and texts of any number of classes, with the instruction.

    MMDetection's ``DetVisualizationHook`` draws no texts, and gives images of one name in two folders one file.

    Args:
        test_out_dir: Folder of the drawings, in that of the run; None for none. Those of several
            tasks are in folders of their names.
        score_thr: Objects with lower scores are left out.
    """

    def __init__(self, test_out_dir: str | None = None, score_thr: float = SCORE_THRESHOLD):
        self.test_out_dir, self.score_thr = test_out_dir, score_thr
        self._image_of: dict[Path, str] = {}  # by the file of the drawing

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: dict,
                        outputs: Sequence[DetDataSample]) -> None:
        """Draw the predictions of a batch."""
        if self.test_out_dir is None:
            return
        folder = Path(runner.work_dir) / runner.timestamp / self.test_out_dir
        for sample in outputs:
            target = self._target(folder, sample)
            target.parent.mkdir(parents=True, exist_ok=True)
            prediction = Prediction.from_sample(sample, read_image(sample.img_path), self.score_thr)
            Image.fromarray(draw(prediction)).save(target)

    def _target(self, folder: Path, sample: DetDataSample) -> Path:
        """A file of its own for each image and question."""
        path, folder = Path(sample.img_path), folder / sample.get('task', '')
        asked = f'{sample.img_path} {sample.instruction}'
        names = [path.stem, f'{path.parent.name}_{path.stem}']
        names += [f'{names[-1]}_{number}' for number in range(2, 1000)]
        target = next(target for target in (folder / f'{name}.png' for name in names)
                      if self._image_of.setdefault(target, asked) == asked)
        return target

"""Label Studio's machine-learning backend: proposes boxes for the labels of a project, with any model of visionllm.

    python tools/label_studio_backend.py --model photo --port 9090

In the project: Settings, Model, Connect Model, http://THIS_MACHINE:9090. The labels are those of its RectangleLabels.
Pictures that Label Studio itself holds are read from --label-studio-url, with the key in LABEL_STUDIO_API_KEY.
"""

import argparse
import os
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlparse
from urllib.request import Request, urlopen

from visionllm.cli.common import run_safely
from visionllm.cli.parser import Parser
from visionllm.cli.predict import add_model
from visionllm.errors import UserError
from visionllm.inference.sources import MAX_DOWNLOAD, TIMEOUT

if TYPE_CHECKING:
    import numpy as np
    from fastapi import FastAPI

    from visionllm import VisionLLM
    from visionllm.visualization import Prediction


class LabelStudioError(UserError, ValueError):
    """A project or task that has no boxes to propose."""


@dataclass(frozen=True)
class Labels:
    """The ``RectangleLabels`` of a labelling interface: its name, the name of its image, the key of the image in the
    data of a task, and the labels."""
    from_name: str
    to_name: str
    key: str
    names: list[str]

    @classmethod
    def read(cls, interface: str) -> 'Labels':
        """Of the XML of a labelling interface.

        Raises:
            LabelStudioError: It is no XML, or has no ``RectangleLabels`` of an ``Image``.
        """
        try:
            root = ElementTree.fromstring(interface)
        except ElementTree.ParseError as error:
            raise LabelStudioError(f'The labelling interface is no XML ({error}).') from None
        images = {image.get('name'): image.get('value', '') for image in root.iter('Image')}
        for boxes in root.iter('RectangleLabels'):
            if boxes.get('toName') in images:
                names = [label.get('value', '') for label in boxes.iter('Label')]
                return cls(boxes.get('name', ''), boxes.get('toName'), images[boxes.get('toName')].lstrip('$'), names)
        raise LabelStudioError('The labelling interface has no RectangleLabels of an Image, which boxes are proposed '
                               'for.')


def to_label_studio(prediction: 'Prediction', labels: Labels, version: str) -> dict:
    """A prediction as Label Studio takes it: boxes by their upper left corner and size, in percent of the image."""
    height, width = prediction.image.shape[:2]
    results = []
    for name, score, (x1, y1, x2, y2) in zip(prediction.names, prediction.scores, prediction.boxes):
        value = dict(x=100 * x1 / width, y=100 * y1 / height, width=100 * (x2 - x1) / width,
                     height=100 * (y2 - y1) / height, rotation=0, rectanglelabels=[name])
        results.append({'from_name': labels.from_name, 'to_name': labels.to_name, 'type': 'rectanglelabels',
                        'original_width': width, 'original_height': height, 'image_rotation': 0, 'value': value,
                        'score': score})
    best = max(prediction.scores, default=0.0)
    return dict(result=results, score=best, model_version=version)


class Backend:
    """Answers the tasks of Label Studio.

    Args:
        model: Finds the labels.
        address: Of Label Studio, for pictures that it holds.
        key: Of its API.
    """

    def __init__(self, model: 'VisionLLM', address: str = '', key: str = ''):
        self.model, self.address, self.key = model, address, key

    def predict(self, tasks: list[dict], interface: str) -> list[dict]:
        """A prediction for each task.

        Args:
            tasks: Each with ``data``.
            interface: XML of the labelling interface.

        Raises:
            LabelStudioError: There are no boxes to propose, or a picture cannot be read.
        """
        labels = Labels.read(interface)
        return [to_label_studio(self.model.predict(self._read(task['data'], labels.key), classes=labels.names)[0],
                                labels, self.model.name) for task in tasks]

    def _read(self, data: dict, key: str) -> 'np.ndarray':
        """The picture of a task, ``uint8[H, W, 3]``; the key of the API is sent to Label Studio alone."""
        from visionllm.annotations import ImageError, read_image
        if key not in data:
            raise LabelStudioError(f'A task has no {key!r}, which the labelling interface shows.')
        url = urljoin(self.address, data[key])
        if urlparse(url).scheme not in ('http', 'https'):
            raise LabelStudioError(f'{url} is no web address: name Label Studio by --label-studio-url.')
        request = Request(url)
        if self.key and urlparse(url)[:2] == urlparse(self.address)[:2]:
            request.add_unredirected_header('Authorization', f'Token {self.key}')
        try:
            with urlopen(request, timeout=TIMEOUT) as answer, NamedTemporaryFile() as file:
                file.write(answer.read(MAX_DOWNLOAD))
                file.flush()
                return read_image(file.name)
        except ImageError as error:
            raise LabelStudioError(str(error).replace(file.name, url)) from None
        except OSError as error:
            raise LabelStudioError(f'{url} could not be downloaded: {error}.') from None


def create_app(backend: Backend) -> 'FastAPI':
    """The three routes that Label Studio calls."""
    from fastapi import FastAPI
    from fastapi.responses import JSONResponse
    app = FastAPI(title='VisionLLM for Label Studio')

    @app.get('/health')
    def health() -> dict:
        return dict(status='UP', model_class='VisionLLM')

    @app.post('/setup')
    def setup() -> dict:
        return dict(model_version=backend.model.name)

    @app.post('/predict')
    def predict(body: dict[str, Any]) -> dict:
        return dict(results=backend.predict(body.get('tasks', []), body.get('label_config', '')))

    @app.exception_handler(UserError)
    def report_mistake(_: object, error: UserError) -> JSONResponse:
        return JSONResponse(dict(detail=str(error)), 422)
    return app


def main(arguments: list[str] | None = None) -> None:
    """Serve."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model(parser)
    parser.add_argument('--host', default='127.0.0.1', help='address to listen at (default 127.0.0.1)')
    parser.add_argument('--port', type=int, default=9090, help='port to listen at (default 9090)')
    parser.add_argument('--label-studio-url', default='', metavar='URL', help='for pictures that Label Studio holds')
    args = parser.parse_args(arguments)

    from visionllm.web.server import open_port, serve
    with open_port(args.host, args.port) as listening:
        from visionllm import VisionLLM
        model = VisionLLM(args.model, args.checkpoint, args.device)
        serve(create_app(Backend(model, args.label_studio_url, os.environ.get('LABEL_STUDIO_API_KEY', ''))), listening)


if __name__ == '__main__':
    run_safely(main)

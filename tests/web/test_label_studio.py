"""What Label Studio is told: boxes in percent, for the labels of its interface."""

import runpy
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
from fastapi.testclient import TestClient

from visionllm.assets import IMAGES
from visionllm.language import TASKS
from visionllm.visualization import Prediction

from ..conftest import ROOT

INTERFACE = '''
<View>
  <Image name="photo" value="$picture"/>
  <Choices name="quality" toName="photo"><Choice value="good"/></Choices>
  <RectangleLabels name="boxes" toName="photo"><Label value="star"/><Label value="half moon"/></RectangleLabels>
</View>'''


@pytest.fixture(scope='module')
def tool() -> dict:
    return runpy.run_path(str(ROOT / 'tools/label_studio_backend.py'))


@pytest.fixture
def label_studio():
    """The address of a server of pictures, and the keys that it was sent."""
    keys = []

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self):
            keys.append(self.headers.get('Authorization'))
            super().do_GET()

        def log_message(self, *args):
            pass
    with ThreadingHTTPServer(('127.0.0.1', 0), partial(Handler, directory=IMAGES)) as server:
        Thread(target=server.serve_forever, args=(0.01, ), daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}', keys
        server.shutdown()


def test_boxes_are_in_percent_of_the_image(tool):
    instruction = TASKS['detection'].write_instruction(['star', 'half moon'])
    prediction = Prediction('a.jpg', instruction, np.zeros((50, 200, 3), np.uint8), ['half moon', 'star'], [0.75, 0.5],
                            [[20, 10, 120, 35], [0, 0, 200, 50]], [])
    converted = tool['to_label_studio'](prediction, tool['Labels'].read(INTERFACE), 'photo')
    assert converted['score'] == 0.75 and converted['model_version'] == 'photo'
    first, second = converted['result']
    assert first == dict(from_name='boxes', to_name='photo', type='rectanglelabels', original_width=200,
                         original_height=50, image_rotation=0, score=0.75,
                         value=dict(x=10, y=20, width=50, height=50, rotation=0, rectanglelabels=['half moon']))
    assert second['value'] == dict(x=0, y=0, width=100, height=100, rotation=0, rectanglelabels=['star'])
    assert tool['to_label_studio'](Prediction('a', instruction, prediction.image), tool['Labels'].read(INTERFACE),
                                   'photo') == dict(result=[], score=0.0, model_version='photo')


def test_the_routes_that_label_studio_calls(tool, model, label_studio):
    address, keys = label_studio
    client = TestClient(tool['create_app'](tool['Backend'](model, address, 'secret')))
    assert client.get('/health').json()['status'] == 'UP'
    assert client.post('/setup', json=dict(project='1', schema=INTERFACE)).json() == dict(model_version=model.name)
    tasks = [dict(id=k, data=dict(picture=path)) for k, path in enumerate(('/cat.jpg', f'{address}/coffee.jpg'))]
    results = client.post('/predict', json=dict(tasks=tasks, label_config=INTERFACE)).json()['results']
    assert len(results) == 2 and keys == ['Token secret', 'Token secret']
    other = tool['Backend'](model, 'http://localhost:1', 'secret')
    other.predict(tasks[1:], INTERFACE)
    assert keys[-1] is None  # no other machine is sent the key


@pytest.mark.parametrize('picture, interface, words', [
    ('/cat.jpg', '<View', 'is no XML'),
    ('/cat.jpg', '<View><Image name="a" value="$b"/></View>', 'no RectangleLabels'),
    ('/cat.jpg', INTERFACE.replace('$picture', '$other'), "no 'other'"),
    ('/README.md', INTERFACE, 'README.md is not an image'),
    ('/gone.jpg', INTERFACE, 'gone.jpg could not be downloaded'),
    ('file:///etc/passwd', INTERFACE, 'is no web address'),
])
def test_mistakes_are_one_sentence(tool, model, label_studio, picture, interface, words):
    client = TestClient(tool['create_app'](tool['Backend'](model, label_studio[0])))
    answer = client.post('/predict', json=dict(tasks=[dict(data=dict(picture=picture))], label_config=interface))
    assert answer.status_code == 422 and words in answer.json()['detail'] and '/tmp' not in answer.json()['detail']

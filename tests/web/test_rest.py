"""The REST API as its users meet it, on a real server with the tiny model."""

import asyncio
import struct
import zlib
from io import BytesIO
from threading import Event

import httpx
import numpy as np
import pytest
from PIL import Image

from visionllm.assets import IMAGES
from visionllm.language import TASKS
from visionllm.visualization import Prediction
from visionllm.web.bounds import MAX_NAMES, MAX_UPLOAD
from visionllm.web.rest import EXAMPLE
from visionllm.web.service import Service

from .conftest import serving

SHAPES = ('star', 'circle', 'square', 'heart', 'moon', 'ring', 'arrow', 'cross')
CAT = IMAGES / 'cat.jpg'


def picture(seed: int = 0, form: str = 'png') -> bytes:
    file = BytesIO()
    pixels = np.random.default_rng(seed).integers(255, size=(40 + seed % 7, 50 + seed % 11, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def header_of(width: int, height: int) -> bytes:
    """A PNG file that ends after its header."""
    chunk = b'IHDR' + struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    data = b'IDAT'
    return (b'\x89PNG\r\n\x1a\n' + struct.pack('>I', 13) + chunk + struct.pack('>I', zlib.crc32(chunk))
            + struct.pack('>I', 0) + data + struct.pack('>I', zlib.crc32(data)))


def ask(address: str, content: bytes = b'', name: str = 'a.png', **fields) -> httpx.Response:
    return httpx.post(f'{address}/api/predict', files=dict(image=(name, content or picture())), data=fields, timeout=60)


def assert_sentence(answer: httpx.Response, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    detail = answer.json()['detail']
    assert isinstance(detail, str) and '/tmp' not in detail and '\n' not in detail
    for word in words:
        assert word in detail, detail


def test_an_answer_is_that_of_the_model(address, model):
    answer = ask(address, CAT.read_bytes(), 'cat.jpg', classes='star\nmoon, ring', points=8, threshold=0)
    expected, = model.predict(CAT, classes=['star', 'moon', 'ring'], points=8, threshold=0.0)
    assert answer.status_code == 200
    found = answer.json()
    assert found.pop('seconds') > 0 and found['image'] == 'cat.jpg'
    assert found == expected.as_dict() | dict(image='cat.jpg')
    assert {each['name'] for each in found['objects']} <= {'star', 'moon', 'ring'} and found['objects']


@pytest.mark.parametrize('fields, text', [(dict(question='what is it?'), True), (dict(caption=True), True),
                                          (dict(expression='the largest star'), False),
                                          (dict(expression='large ' * 80 + 'star'), False)])
def test_every_form_is_answered(address, fields, text):
    found = ask(address, **fields).json()
    assert ('text' in found) == text and ('objects' in found) != text
    assert not text or 0 <= found['score'] <= 1


def test_an_instruction_of_several_sentences(address, model):
    written = model.predict(CAT, classes=[f'thing {k}' for k in range(120)])[0].instruction
    found = ask(address, instruction='\n'.join(written)).json()
    assert found['instruction'] == list(written) and len(written) == 2


@pytest.mark.parametrize('content, name, status, words', [
    (b'no picture at all', 'text.jpg', 422, ('text.jpg', 'not an image')),
    (b'GIF89a', 'broken.gif', 422, ('broken.gif', 'not an image')),
    (picture(form='jpeg')[:700], 'half.jpg', 422, ('half.jpg', 'damaged')),
    (picture()[:300], '../../half.png', 422, ('half.png', 'damaged', 'truncated')),
    (b'<svg xmlns="http://www.w3.org/2000/svg"/>', 'a.svg', 422, ('a.svg', 'not an image')),
    (header_of(20_000, 15_000), 'vast.png', 413, ('vast.png', '40 million')),
    (header_of(9_000, 5_000), 'large.png', 413, ('9000 x 5000', '40 million')),
    (header_of(20_000, 1_000), 'long.png', 422, ('long.png', '10,000')),
    (b'\0' * (MAX_UPLOAD + 1), 'heavy.png', 413, ('20 MB', )),
    (picture(), 'a video.mp4', 200, ()),
])
def test_uploads_that_are_no_pictures(address, content, name, status, words):
    answer = ask(address, content, name, classes='star')
    if status == 200:
        assert answer.status_code == 200 and answer.json()['image'] == name
    else:
        assert_sentence(answer, status, *words)
    assert ask(address, classes='star').status_code == 200  # the server goes on


def test_an_upload_without_a_length(address):
    def parts():
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        for _ in range(MAX_UPLOAD // 2**20 + 2):
            yield b'\0' * 2**20
        yield b'\r\n--x--\r\n'
    answer = httpx.post(f'{address}/api/predict', content=parts(), timeout=60,
                        headers={'Content-Type': 'multipart/form-data; boundary=x'})
    assert_sentence(answer, 413, '20 MB')


@pytest.mark.parametrize('files', [{}, dict(image=('', b'', 'image/png')), dict(other=('a.png', picture()))])
def test_no_picture(address, files):
    assert_sentence(httpx.post(f'{address}/api/predict', files=files, data=dict(classes='star')), 422, 'image')


def test_an_empty_picture(address):
    answer = httpx.post(f'{address}/api/predict', files=dict(image=('a.png', b'')), data=dict(classes='star'))
    assert_sentence(answer, 422, 'a.png', 'not an image')


@pytest.mark.parametrize('fields, words', [
    (dict(), ('nothing was asked', )),
    (dict(classes=' ,\n'), ('nothing was asked', )),
    (dict(classes='star', question='what?'), ('classes and question were given together', )),
    (dict(classes='star, star'), ('twice', )),
    (dict(classes='star', points=3), ('points', )),
    (dict(classes='star', points='many'), ('points: ', )),
    (dict(classes='star', threshold=7), ('threshold: ', )),
    (dict(question='what?', points=8), ('points', )),
    (dict(instruction='find it'), ('<image>', )),
    (dict(question='why ' * 200), ('799 characters', '500')),
    (dict(expression='x' * 501), ('501 characters', )),
    (dict(classes='x' * 101), ('101 characters', )),
    (dict(instruction='x' * 20_001), ('20,001 characters', )),
    (dict(instruction='\n'.join(TASKS['detection'].write_instructions([f'thing {k}' for k in range(201)]))),
     ('201 names', )),
    (dict(classes='\n'.join(f'thing {k}' for k in range(600))), ('600 names', str(MAX_NAMES), 'command line')),
])
def test_requests_that_cannot_be_answered(address, fields, words):
    assert_sentence(ask(address, **fields), 422, *words)


def test_as_many_names_as_are_allowed(address):
    found = ask(address, classes=','.join(f'thing {k}' for k in range(MAX_NAMES)), threshold=0).json()
    assert len(found['instruction']) == 3 and found['objects']


async def ask_all(address: str, requests: list[tuple[int, tuple[str, ...]]]) -> list[dict]:
    """Answers to pictures by seed and names, all asked at once."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as client:
        answers = await asyncio.gather(*(client.post(
            '/api/predict', files=dict(image=(f'{number}.png', picture(seed))),
            data=dict(classes=','.join(names), threshold=0)) for number, (seed, names) in enumerate(requests)))
    assert [answer.status_code for answer in answers] == len(requests) * [200]
    return [answer.json() for answer in answers]


def test_many_requests_at_once_have_the_answers_of_the_model(address, model):
    requests = [(seed % 4, SHAPES[seed % 3:seed % 3 + 2]) for seed in range(24)]  # 12 different ones
    expected = {(seed, names): model.predict(Image.open(BytesIO(picture(seed))), classes=names, threshold=0.0)[0]
                for seed, names in set(requests)}
    for number, (found, asked) in enumerate(zip(asyncio.run(ask_all(address, requests)), requests)):
        assert found.pop('seconds') > 0
        assert found == expected[asked].as_dict() | dict(image=f'{number}.png')
    assert len({str(prediction.boxes) for prediction in expected.values()}) == 12  # each has an answer of its own


class PixelReader:
    """A model that answers at once, with the first pixels of the picture and the first name."""
    name = 'pixels'

    def predict(self, image, *, classes, **options) -> list[Prediction]:
        x1, y1, x2, y2 = map(float, image[0, 0].tolist() + image[0, 1, :1].tolist())
        instruction = TASKS['detection'].write_instruction(classes)
        return [Prediction('image 0', instruction, image, [classes[0]], [1.0], [[x1, y1, x2, y2]], [[[x1, y1]]])]


def test_two_hundred_requests_at_once_are_neither_mixed_up_nor_lost():
    requests = [(seed, (f'thing {seed}', SHAPES[seed % 7])) for seed in range(200)]
    with serving(Service(PixelReader(), max_users=200)) as address:
        answers = asyncio.run(ask_all(address, requests))
    for number, found in enumerate(answers):
        pixels = np.asarray(Image.open(BytesIO(picture(number)))).reshape(-1)[:4]
        assert found['image'] == f'{number}.png'
        assert [(each['name'], each['box']) for each in found['objects']] == [(f'thing {number}', pixels.tolist())]


class Waiting:
    """A model that answers when it is told to."""
    name = 'waiting'

    def __init__(self, model):
        self.model, self.go, self.count = model, Event(), 0

    def predict(self, *args, **options):
        self.count += 1
        assert self.go.wait(30)
        return self.model.predict(*args, **options)


def test_too_many_requests_and_too_long_waits_are_refused_and_the_event_loop_stays_free(model):
    waiting = Waiting(model)

    async def ask_four(address: str) -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            def send():
                return asyncio.create_task(client.post('/api/predict', files=dict(image=('a.png', picture())),
                                                       data=dict(classes='star')))
            first = send()
            while not waiting.count:
                await asyncio.sleep(0.01)
            second = send()
            await asyncio.sleep(0.3)
            third = await send()  # both places are taken
            health = await client.get('/api/health')  # is answered beside a prediction
            late = await second
            waiting.go.set()
            return [await first, late, third, health, await send()]
    with serving(Service(waiting, max_users=2, max_wait=1.0)) as address:
        first, late, third, health, after = asyncio.run(ask_four(address))
    assert first.status_code == 200 and after.status_code == 200
    assert health.json() == dict(status='ok', model='waiting')
    assert_sentence(third, 429, '2 requests', 'try again')
    assert_sentence(late, 429, 'waited 1 seconds')
    assert waiting.count == 2  # the one that gave up was not computed


def test_the_description_has_the_fields_and_an_example(address):
    description = httpx.get(f'{address}/openapi.json').json()
    schemas = description['components']['schemas']
    body = next(schema for name, schema in schemas.items() if name.startswith('Body_'))
    assert set(body['properties']) == {'image', 'classes', 'points', 'expression', 'question', 'instruction', 'caption',
                                       'threshold'} and body['required'] == ['image']
    assert schemas['PredictionModel']['example'] == EXAMPLE
    assert set(description['paths']['/api/predict']['post']['responses']) == {'200', '413', '422', '429'}
    assert httpx.get(f'{address}/docs').status_code == 200

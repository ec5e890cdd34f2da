"""The page in a real browser, with the model for photographs."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from visionllm import VisionLLM
from visionllm.assets import IMAGES
from visionllm.web.rest import EXAMPLE
from visionllm.web.service import Service

from .conftest import serving

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
SECONDS = 60  # that a step may take on a busy machine

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason='no chromium on this machine (apt-get install chromium)')


class CountingModel:
    """The model for photographs, and how often it was run."""

    def __init__(self):
        self.model, self.count = VisionLLM('photo', device='cpu'), 0
        self.name = self.model.name

    def predict(self, *args, **options):
        self.count += 1
        return self.model.predict(*args, **options)


@pytest.fixture(scope='module')
def photo() -> CountingModel:
    return CountingModel()


@pytest.fixture(scope='module')
def site(photo) -> Iterator[str]:
    with serving(Service(photo)) as address:
        yield address


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, site) -> Iterator[Page]:
    """The page of a new user."""
    page = browser.new_page(viewport=dict(width=1280, height=900))
    page.set_default_timeout(1000 * SECONDS)
    page.goto(site)
    page.wait_for_selector('#ask')
    yield page
    page.close()


def wait_until(page: Page, is_true: Callable[[], bool]) -> None:
    deadline = monotonic() + SECONDS
    while not is_true():
        assert monotonic() < deadline, page.inner_text('body')
        page.wait_for_timeout(50)


def upload(page: Page, path: Path) -> None:
    page.set_input_files('#picture input[type=file]', path)
    page.wait_for_selector('#picture img')


def objects(page: Page) -> list[dict]:
    text = page.input_value('#answer-text textarea')
    return json.loads(text) if text.startswith('[') else []


def labels(page: Page) -> list[str]:
    """Of the legend below the picture."""
    return [text.strip() for text in page.locator('#answer .legend-item').all_inner_texts()]


def ask(page: Page, names: str) -> list[dict]:
    before = page.input_value('#answer-text textarea')
    page.fill('#classes textarea', names)
    page.click('#ask')
    wait_until(page, lambda: page.input_value('#answer-text textarea') != before)
    return objects(page)


def test_other_names_give_other_boxes_and_filters_run_no_model(page, photo):
    upload(page, IMAGES / 'coffee.jpg')
    tables = ask(page, 'dining table')
    assert {each['name'] for each in tables} == {'dining table'}
    both = ask(page, 'cup, dining table')
    assert both == photo.model.predict(IMAGES / 'coffee.jpg', classes=['cup', 'dining table'])[0].as_dict()['objects']
    assert labels(page) == [f'{each["name"]} {each["score"]:.2f}' for each in both] and both[0]['name'] == 'cup'
    count = photo.count
    page.get_by_label('dining table').uncheck()
    cups = [each for each in both if each['name'] == 'cup']
    wait_until(page, lambda: objects(page) == cups)
    wait_until(page, lambda: len(labels(page)) == len(cups))
    page.locator('#score input[type=number]').fill('0.99')
    wait_until(page, lambda: objects(page) == [] and labels(page) == [])
    assert photo.count == count


def test_the_example_of_the_api_is_real(site):
    content = (IMAGES / 'cat.jpg').read_bytes()
    answer = httpx.post(f'{site}/api/predict', files=dict(image=('cat.jpg', content)), data=dict(classes='cat, dog'),
                        timeout=SECONDS).json()
    assert answer.keys() == EXAMPLE.keys() and answer['instruction'] == EXAMPLE['instruction']
    (found, ), (example, ) = answer['objects'], EXAMPLE['objects']
    assert found['name'] == example['name'] and found['score'] == pytest.approx(example['score'], abs=0.01)
    assert found['box'] == pytest.approx(example['box'], abs=1)


def test_the_downloads_are_what_is_shown(page, tmp_path):
    upload(page, IMAGES / 'cat.jpg')
    cat, = ask(page, 'cat\ndog')
    files = {}
    for button, suffix in (('coco', 'json'), ('png', 'png')):
        with page.expect_download() as download:
            page.click(f'#{button}')
        files[suffix] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[suffix])
    coco = json.loads(files['json'].read_text())
    assert [each['name'] for each in coco['categories']] == ['cat', 'dog'] and len(coco['annotations']) == 1
    x, y, width, height = coco['annotations'][0]['bbox']
    assert [round(value, 2) for value in (x, y, x + width, y + height)] == cat['box']
    assert coco['images'][0]['file_name'] == 'cat.jpg' and files['png'].name == 'cat.answer.png'
    assert Image.open(files['png']).width >= Image.open(IMAGES / 'cat.jpg').width


def test_the_form_writes_the_instruction_which_can_be_edited_and_sent(page):
    page.get_by_text('cat', exact=True).first.click()  # an example, with its names
    page.get_by_text('Instruction', exact=True).click()
    text = page.locator('#instruction textarea')
    expect(text).to_have_value('Find all objects of these classes: {"cat": <c0>, "couch": <c1>}. Answer with '
                               '(c, x1, y1, x2, y2) for each. Picture: <image>')
    text.fill('Find {"animal": <c3>} as (c, x1, y1, x2, y2) in <image>')
    page.click('#send')
    wait_until(page, lambda: [each['name'] for each in objects(page)] == ['animal'])
    text.fill('find it')
    page.click('#send')
    page.get_by_text('must contain the image placeholder <image> exactly once').wait_for()


def test_a_question_is_answered_in_text(page):
    upload(page, IMAGES / 'cat.jpg')
    page.get_by_label('Question', exact=True).check()
    page.fill('#question textarea', 'is there a cat?')
    page.click('#ask')
    wait_until(page, lambda: page.input_value('#answer-text textarea') == 'yes')
    page.locator('#answer img').first.wait_for()
    assert not page.is_visible('#score') and labels(page) == []


@pytest.mark.parametrize('content, names, sentence', [
    (None, 'cat', 'There is no picture'),
    ((IMAGES / 'cat.jpg').read_bytes(), '', 'nothing was asked'),
    ((IMAGES / 'cat.jpg').read_bytes()[:2000], 'cat', 'is damaged'),
    (b'<b>no picture</b>', 'cat', 'is not an image that can be read'),
    ((IMAGES / 'cat.jpg').read_bytes(), ', '.join(f'thing {k}' for k in range(600)), '600 names were given'),
])
def test_mistakes_are_shown_as_their_sentence(page, tmp_path, content, names, sentence):
    if content is not None:
        (tmp_path / 'a.jpg').write_bytes(content)
        upload(page, tmp_path / 'a.jpg')
    page.fill('#classes textarea', names)
    page.click('#ask')
    message = page.get_by_text(sentence)
    message.wait_for()
    assert '/tmp' not in message.inner_text() and 'Traceback' not in page.inner_text('body')


@pytest.mark.parametrize('width', [1280, 390])
def test_nothing_is_wider_than_the_window(page, width):
    page.set_viewport_size(dict(width=width, height=844))
    upload(page, IMAGES / 'coffee.jpg')
    ask(page, 'cup, ' + 'x' * 100)
    assert page.evaluate('document.documentElement.scrollWidth') <= width

import copy

import pytest
import torch

from visionllm.models.prompt_cache import MAX_CACHED_TEXTS, PromptCache

TEXT = 'Find {"star": <c3>} in '


def test_the_latest_are_remembered_and_no_more():
    asked = []
    kept = PromptCache()
    batches = [(str(i), 'the same') for i in range(MAX_CACHED_TEXTS // 2 + 1)]
    for texts in [*batches, batches[-1], batches[0]]:
        assert kept.get_or_compute(texts, lambda texts=texts: asked.append(texts) or texts[::-1]) == texts[::-1]
    assert asked == [*batches, batches[0]] and len(kept.results) == MAX_CACHED_TEXTS // 2
    many = tuple(map(str, range(2 * MAX_CACHED_TEXTS)))
    assert kept.get_or_compute(many, lambda: 1) == 1 and list(kept.results) == [many]


@pytest.fixture
def reader(tiny):
    """A model, and how often each of its readers of text was run."""
    model, runs = copy.deepcopy(tiny).eval(), dict(bert=0, llm=0)
    for name, part in (('bert', model.text_encoder.bert), ('llm', model.llm.decoder)):
        part.register_forward_hook(lambda *_, name=name: runs.update({name: runs[name] + 1}))
    return model, runs


def read(model):
    return model.text_encoder([TEXT]).features, model.llm.encode_prefix([TEXT])[0].layers[0][0]


def test_a_text_is_read_once_until_the_weights_change(reader):
    model, runs = reader
    with torch.no_grad():
        first, again = read(model), read(model)
        assert runs == dict(bert=1, llm=1) and all(torch.equal(*pair) for pair in zip(first, again))
        model.train()
        for parameter in model.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
        model.eval()
        changed = read(model)
        assert runs == dict(bert=2, llm=2) and not any(torch.equal(*pair) for pair in zip(first, changed))
        model.load_state_dict({name: value * 1.01 for name, value in model.state_dict().items()})
        read(model)
        assert runs == dict(bert=3, llm=3)
        read(model.double())  # as on another device, what is remembered does not fit
        assert runs == dict(bert=4, llm=4)


def test_with_gradients_nothing_is_remembered(reader):
    model, runs = reader
    read(model), read(model)
    assert runs == dict(bert=2, llm=2)


def test_several_texts_are_remembered_as_a_batch(reader):
    model, runs = reader
    texts = [TEXT, 'Are there any {"ring": <c7>, "heart": <c1>} in ', TEXT]
    with torch.no_grad():
        first, again = (model.llm.encode_prefix(texts)[0].layers[0][0] for _ in range(2))
    assert runs['llm'] == 1 and torch.equal(first, again) and torch.equal(first[0], first[2])

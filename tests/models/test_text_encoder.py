import torch
from mmdet.datasets import CocoDataset

from visionllm.language import TASKS

SHORT = ['the star left of the circle', 'a heart']


def test_texts_of_different_length_are_read_as_bert_reads_each(tiny):
    encoder = tiny.text_encoder
    with torch.no_grad():
        together = encoder(SHORT)
        for text, features, mask in zip(SHORT, together.features, together.mask):
            alone = encoder.bert(**encoder.tokenizer(text, return_tensors='pt')).last_hidden_state[0]
            assert torch.allclose(features[mask], alone, atol=1e-5)
    assert together.mask.all(1).tolist() == [True, False]


def test_no_class_of_a_long_instruction_is_cut_off(tiny):
    encoder, names = tiny.text_encoder, list(CocoDataset.METAINFO['classes'])
    order = TASKS['detection'].write_instruction
    with torch.no_grad():
        one = encoder([order(names), SHORT[0]])
        other = encoder([order([*names[:-1], 'zebra crossing'])])
    assert one.mask.sum(1)[0] > encoder.bert.config.max_position_embeddings
    limit = encoder.bert.config.max_position_embeddings
    assert torch.allclose(one.features[0, :limit], other.features[0, :limit], atol=1e-5)
    length = min(one.features.shape[1], other.features.shape[1])
    assert not torch.allclose(one.features[0, limit:length], other.features[0, limit:length], atol=1e-2)


def test_gradients_reach_a_trained_encoder(tiny):
    encoder = tiny.text_encoder
    encoder(SHORT).features.sum().backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in encoder.parameters())
    encoder.zero_grad(set_to_none=True)

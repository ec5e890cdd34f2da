"""The model card that goes with saved weights."""

from torch import nn

CARD = '''---
library_name: visionllm
license: apache-2.0
pipeline_tag: zero-shot-object-detection
tags:
- object-detection
- image-segmentation
- visual-grounding
---

# {name}

A [VisionLLM](https://arxiv.org/abs/2305.11175) model: objects that are named, as boxes, polygons or keypoints, and
text, from one model that reads its task in a sentence.

```python
from visionllm import VisionLLM

model = VisionLLM('{name}')
print(model.predict('photo.jpg', classes=['dog', 'red car'])[0])
```

| Part | Of this model |
| --- | --- |
| Image tokenizer | {connector} |
| Language model | {llm} |
| Answers | {heads} |
| Trained parameters | {parameters:,} |

The weights are those that were trained, in float16; frozen parts are fetched from their own sources, by hash. What was
measured, on which images, belongs below this line: add it before others rely on it.
'''


def write_card(name: str, config: dict, model: nn.Module) -> str:
    """The text of a model card.

    Args:
        name: Of its folder, or its id on the hub.
        config: That it was built from.
        model: The network.
    """
    connector = config['connector']
    detector = connector.get('detector', {}).get('source')
    llm = config.get('llm') or {}
    return CARD.format(
        name=name, connector=f'{connector["type"]} on {detector}' if detector else connector['type'],
        llm=llm.get('source', llm.get('type', 'none')), heads=', '.join(sorted(model.heads)),
        parameters=sum(tensor.numel() for tensor in model.state_dict().values()))

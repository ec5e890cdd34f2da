"""Write the features by which shots near to the asked picture are found (RICES), of the pictures of a config's
FewShotDataset.

    python tools/picture_features.py configs/flamingo/flamingo_clip-l14_coco-captions.py data/coco/rices.npz
"""

import argparse
from pathlib import Path

from visionllm.cli.common import existing_config, run_safely
from visionllm.cli.parser import Parser


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=existing_config, help='config whose test data set is a FewShotDataset')
    parser.add_argument('out', type=Path, help='.npz file to write')
    args = parser.parse_args()

    from mmengine.config import Config
    from mmengine.registry import init_default_scope

    import visionllm.registration  # noqa: F401
    from visionllm.apis.picture_features import write_picture_features
    from visionllm.errors import ConfigError
    init_default_scope('mmdet')
    dataset = Config.fromfile(args.config).test_dataloader.dataset
    if dataset.type != 'FewShotDataset':
        raise ConfigError(f'{args.config} is tested on a {dataset.type}; expected a FewShotDataset.')
    count = write_picture_features(args.config, args.out, (dataset.support, dataset.dataset))
    print(f'{args.out}: features of {count} pictures')


if __name__ == '__main__':
    run_safely(main)

#!/usr/bin/env bash
# Train on GPUS devices of this machine (processes, where it has none), or of NNODES machines, each with its NODE_RANK:
#   tools/dist_train.sh CONFIG GPUS [arguments of tools/train.py]
set -euo pipefail
torchrun --nnodes "${NNODES:-1}" --node_rank "${NODE_RANK:-0}" --nproc_per_node "$2" \
    --master_addr "${MASTER_ADDR:-127.0.0.1}" --master_port "${PORT:-29500}" \
    "$(dirname "$0")/train.py" "$1" --launcher pytorch "${@:3}"

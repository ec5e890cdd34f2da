#!/usr/bin/env bash
# Train as a Slurm job of GPUS tasks, GPUS_PER_NODE on each machine:
#   GPUS=32 GPUS_PER_NODE=8 tools/slurm_train.sh PARTITION JOB_NAME CONFIG [arguments of tools/train.py]
set -euo pipefail
srun --partition "$1" --job-name "$2" --gres "gpu:${GPUS_PER_NODE:-8}" --ntasks "${GPUS:-8}" \
    --ntasks-per-node "${GPUS_PER_NODE:-8}" --cpus-per-task "${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    python -u "$(dirname "$0")/train.py" "$3" --launcher slurm "${@:4}"

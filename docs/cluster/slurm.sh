#!/bin/bash
# A sweep on the nodes of a Slurm job: sbatch slurm.sh
# After a failure and a requeue the sweep continues, because all nodes see the folder of results.
#SBATCH --job-name=nas-sweep
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-task=1
#SBATCH --time=12:00:00
#SBATCH --requeue
set -euo pipefail

port=6379
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}

srun --nodes=1 --ntasks=1 --nodelist="$head" \
    ray start --head --node-ip-address="$head" --port="$port" --num-cpus="$SLURM_CPUS_PER_TASK" --block &
sleep 15
if ((${#nodes[@]} > 1)); then
    srun --nodes=$((${#nodes[@]} - 1)) --ntasks=$((${#nodes[@]} - 1)) --exclude="$head" \
        ray start --address="$head:$port" --num-cpus="$SLURM_CPUS_PER_TASK" --block &
    sleep 15
fi

srun --overlap --nodes=1 --ntasks=1 --nodelist="$head" \
    nas sweep sweep.yaml --address "$head:$port" --out "$SLURM_SUBMIT_DIR/results" --resume

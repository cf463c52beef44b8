from __future__ import annotations

import pytest

from weighbridge.errors import InputError
from weighbridge.formats.megatron.command import command, ranks_of

ARGUMENTS = ("--num-layers", "12", "--swiglu")


@pytest.mark.parametrize(
    ("launcher", "ranks"),
    [
        ("", None),
        ("python pretrain_gpt.py", None),
        ("python3.11 -u /opt/megatron/pretrain_gpt.py", None),
        ("torchrun --nproc_per_node 8 --nnodes 4 --node_rank 0 pretrain_gpt.py", 32),
        ("torchrun --nproc-per-node=8 --nnodes=2 --rdzv-backend c10d pretrain_gpt.py", 16),
        ("torchrun --nproc_per_node 8 --nnodes 1:4 pretrain_gpt.py", 32),
        ("torchrun --nproc_per_node 8 pretrain_gpt.py", 8),
        ("torchrun --nproc-per-node 8 -m pretrain.gpt", 8),
        ("torchrun pretrain_gpt.py", 1),
        ("python -m torch.distributed.launch --nproc_per_node 4 --nnodes 2 pretrain_gpt.py", 8),
        ("python -m torch.distributed.run --nproc_per_node 4 pretrain_gpt.py", 4),
        ("uv run torchrun --nproc_per_node 2 pretrain_gpt.py", 2),
        ("--nproc_per_node 8 --nnodes 2 pretrain_gpt.py", 16),
        ("srun -N 8 --ntasks-per-node=8 python pretrain_gpt.py", 64),
        ("srun -N4 --ntasks-per-node 8 python pretrain_gpt.py", 32),
        ("srun --ntasks 24 python pretrain_gpt.py", 24),
        ("mpirun -np 16 python pretrain_gpt.py", 16),
        ("srun -N 2 torchrun --nproc_per_node 8 --nnodes 2 pretrain_gpt.py", 16),
    ],
)
def test_launchers(launcher: str, ranks: int | None) -> None:
    found = command((*launcher.split(), *ARGUMENTS))
    assert found.arguments == ARGUMENTS
    assert found.world_size == ranks
    assert found.warnings == (("--nnodes 1:4: taken as its most, 4 nodes",) if "1:4" in launcher else ())


def test_variables_before_the_command() -> None:
    found = command(["CUDA_DEVICE_MAX_CONNECTIONS=1", "WORLD_SIZE=16", "python", "pretrain_gpt.py", "--swiglu"])
    assert found.environment == {"CUDA_DEVICE_MAX_CONNECTIONS": "1", "WORLD_SIZE": "16"}
    assert found.arguments == ("--swiglu",)
    assert ranks_of(found.environment) == 16


def test_a_script_among_the_arguments_is_none() -> None:
    arguments = ("--num-layers", "12", "--data-path", "corpus.py")
    assert command(arguments).arguments == arguments


def test_processes_without_a_number() -> None:
    found = command(["torchrun", "--nproc_per_node", "gpu", "pretrain_gpt.py", "--swiglu"])
    assert found.world_size is None
    assert "nproc-per-node gpu" in found.warnings[0]


@pytest.mark.parametrize(
    "text",
    [
        "torchrun --nproc_per_node=eight a.py",
        "torchrun --nproc_per_node 0 a.py",
        "torchrun --nproc_per_node 8 --nnodes x a.py",
    ],
)
def test_ranks_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match="expected a whole number of at least 1"):
        command(text.split())


def test_world_size_that_is_none() -> None:
    with pytest.raises(InputError, match=r"WORLD_SIZE: got \"many\""):
        ranks_of({"WORLD_SIZE": "many"})

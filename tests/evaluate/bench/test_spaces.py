"""The spaces of the benchmarks hold the networks of their data: a few rows, by their parameters."""

from __future__ import annotations

from functools import cache

import pytest

from nas.evaluate.bench.macro import code_of
from nas.library import load_space
from nas.space.arch import Arch
from nas.space.choices import Choices, Value
from nas.space.space import Space

#: eight digits -> parameters in the benchmark's table
MACRO = {
    "00000000": 387_882,
    "00120021": 1_873_386,
    "01201200": 879_722,
    "12102200": 991_434,
    "21020011": 1_463_594,
    "22212220": 1_985_514,
    "22222222": 2_932_586,
}
#: expansions, kernels, layers and SE of the seven stages -> parameters in the benchmark
ACCEL = {
    "6466611 3535533 1233222 0000000": 2_501_160,
    "4116164 3335533 3311322 0000000": 3_701_744,
    "4144414 3535535 1312113 1111111": 4_548_708,
    "4466616 5535333 2313112 0010000": 3_939_566,
    "1416446 5333353 3123242 1010001": 5_459_624,
}
#: kernels and expansions of 20 blocks, depths of five stages -> parameters of the evaluation
OFA = {
    "57553337553773335555 43444634434336664344 23243": 5_029_656,
    "75377553555357535535 33446443644464446646 33344": 6_241_240,
    "55555335375355757533 63663344664364644344 32322": 3_881_224,
    "75377337555355555735 66446643646346446666 44444": 6_842_376,
}


@cache
def space_of(name: str) -> Space:
    return load_space(name)


def decoded(name: str, named: dict[str, Value]) -> Arch:
    space = space_of(name)
    choices = Choices.of(space.table)
    code = choices.code(named)
    assert choices.named(code) == named
    arch = space.decode(code)
    assert space.encode(arch) == tuple(code)
    return arch


def test_macro_has_3969_distinct_networks() -> None:
    assert space_of("nas-bench-macro").size() == 3969


@pytest.mark.parametrize("digits", MACRO)
def test_a_network_of_macro_has_the_parameters_of_the_table(digits: str) -> None:
    space = space_of("nas-bench-macro")
    arch = space.decode(code_of(space, digits))
    assert arch.params == MACRO[digits]
    assert space.contains(arch)


def test_a_repeat_left_out_before_another_is_the_same_network() -> None:
    space = space_of("nas-bench-macro")
    first, second = (space.decode(code_of(space, arch)) for arch in ("12102201", "12120210"))
    assert first == second


@pytest.mark.parametrize("digits", ACCEL)
def test_a_network_of_accel_nasbench_has_the_parameters_of_the_data(digits: str) -> None:
    named: dict[str, Value] = {}
    stages = zip(*digits.split(), strict=True)
    for row, (expansion, kernel, layers, se) in enumerate(stages, 2):
        named |= {f"row {row} exp": f"{expansion}x", f"row {row} k": int(kernel)}
        named |= {f"row {row} se": 0.25 if se == "1" else None, f"row {row} n": int(layers)}
    assert decoded("accel-nasbench", named).params == ACCEL[digits]


@pytest.mark.parametrize("digits", OFA)
def test_a_network_of_once_for_all_has_the_parameters_of_the_data(digits: str) -> None:
    """But for the bias of the first linear layer, which its code leaves out."""
    kernels, expansions, depths = digits.split()
    named: dict[str, Value] = {}
    for stage, depth in enumerate(map(int, depths)):
        for block in range(4):
            label = f"row {stage + 3}.{block + 1}"
            if block >= 2:
                named[f"{label} op"] = "bneck" if block < depth else "left out"
            if block < depth:
                named[f"{label} exp"] = f"{expansions[4 * stage + block]}x"
                named[f"{label} k"] = int(kernels[4 * stage + block])
    assert decoded("ofa-mobilenetv3", named).params == OFA[digits] + 1280

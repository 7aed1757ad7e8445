"""Spaces: codes, points, seeds, and what every random point of every space must satisfy."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas import library
from nas.errors import ArchError, DocumentError, SpaceError
from nas.files.resources import named
from nas.space.arch import Arch
from nas.space.space import Space

SPACES = named("space")
SEEDS = {
    "mobile": {
        *("mobilenetv2", "mobilenetv3-large", "mobilenetv3-small", "efficientnet-b0"),
        *("repvit-m0.9", "repvit-m1.0", "repvit-m1.1"),
        *("mobilevit-xxs", "mobilevit-xs", "mobilevit-s"),
        *("mobilevit-xxs-842", "mobilevit-xs-842", "mobilevit-s-842"),
        *("mobilenetv4-conv-s", "mobilenetv4-conv-m"),
        *("fastvit-t8", "fastvit-t12", "fastvit-s12"),
        *("starnet-s1", "starnet-s2", "starnet-s3", "starnet-s4", "starnet-s050", "starnet-s150"),
        *("iformer-t", "iformer-s", "iformer-m", "repvit-m0.6", "tinynet-a"),
        *(f"hardcorenas-{size}" for size in "abcdef"),
    },
    "mobilenetv3": {"mobilenetv3-large", "mobilenetv3-small"},
    "efficientnet": {"efficientnet-b0"},
    "repvit": {"repvit-m0.9", "repvit-m1.0", "repvit-m1.1"},
    "mobilevit": {"mobilevit-xxs", "mobilevit-xs", "mobilevit-s"},
    "mobilenetv4": {
        f"mobilenetv4-{n}" for n in ("conv-s", "conv-m", "conv-l", "hybrid-m", "hybrid-l")
    },
    **dict.fromkeys(("mobile32", "nas-bench-macro", "accel-nasbench", "ofa-mobilenetv3"), set()),
}
random_seeds = st.integers(0, 2**32 - 1)

TINY = """
name: tiny
source: "made for tests"
input: [[3, 16, 16], [3, 32, 32]]
columns: [op, k, exp, out, se, s, dim, layers, patch, n, repeat]
rows:
  - any:
      - - [conv, 3, ~, [8, 16], ~, 2, ~, ~, ~, 1, ~]
        - [mv2, 3, 2x, ~, ~, 1, ~, ~, ~, [0, 1], independent]
      - - [repvit_stem, ~, ~, 16, ~, 4, ~, ~, ~, 1, ~]
  - either:
      - [bneck, [3, 5], [2x, 4x], [16, 24], [~, 0.25], 2, ~, ~, ~, [1, 2, 3], independent]
      - [mobilevit, 3, ~, ~, ~, 1, 16, 1, 4, [1, 2, 3], independent]
  - [pool, ~, ~, ~, ~, ~, ~, ~, ~, 1, ~]
  - [linear, ~, ~, 10, ~, ~, ~, ~, ~, 1, ~]
"""


@pytest.fixture(scope="module")
def tiny() -> Space:
    return Space.from_yaml(TINY)


@cache
def shipped(name: str) -> Space:
    return library.load_space(name)


def every_code(space: Space) -> list[tuple[int, ...]]:
    return list(product(*(range(n) for n in space.layered.n_options)))


def test_each_space_holds_its_seeds_and_returns_them() -> None:
    assert set(SPACES) == set(SEEDS)
    archs = [library.load_arch(name) for name in named("architecture")]
    for name in SPACES:
        space = shipped(name)
        inside = {arch.name for arch in archs if space.contains(arch)}
        assert inside >= SEEDS[name]
        for arch in archs:
            if arch.name in inside:
                assert space.decode(space.encode(arch)) == arch


def test_mobile_has_at_least_1e20_points() -> None:
    assert shipped("mobile").size() >= 10**20


def test_a_seed_outside_says_why() -> None:
    with pytest.raises(SpaceError, match=r"input \(3, 384, 384\)"):
        shipped("mobile").encode(library.load_arch("efficientnetv2-s"))
    with pytest.raises(SpaceError, match="no option matches its row 16: .*conditional_position"):
        shipped("mobile").encode(library.load_arch("fastvit-sa12"))
    with pytest.raises(SpaceError, match="no option matches its row 1: .*'out': 32"):
        shipped("mobilenetv3").encode(library.load_arch("mobilenetv2"))


@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=15, deadline=None)
@given(seed=random_seeds)
def test_random_points_round_trip(name: str, seed: int) -> None:
    space, rng = shipped(name), np.random.default_rng(seed)
    arch = space.sample(rng)
    assert space.contains(arch)
    assert space.decode(space.encode(arch)) == arch
    assert Arch.from_yaml(arch.to_yaml()) == arch
    assert Arch.from_yaml(arch.to_yaml()).arch_id == arch.arch_id


@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=10, deadline=None)
@given(seed=random_seeds)
def test_mutation_stays_inside(name: str, seed: int) -> None:
    space, rng = shipped(name), np.random.default_rng(seed)
    arch = space.sample(rng)
    for _ in range(5):
        arch = space.mutate(arch, rng)
        assert space.contains(arch)


def test_the_layered_space_knows_exactly_the_codes_that_decode(tiny: Space) -> None:
    """Against brute force: every code of a small space, decoded one by one."""
    rng = np.random.default_rng(0)
    codes = every_code(tiny)
    for index in rng.choice(len(codes), 1500, replace=False):
        code = codes[index]
        state = 0
        for layer, gene in zip(tiny.layered.layers, code, strict=True):
            state = layer.next[state, gene]
            if state < 0:
                break
        passing = _passes_other_branches(tiny, code)
        try:
            tiny.decode(code)
        except (SpaceError, ArchError):
            assert state < 0
        else:
            assert (state >= 0) == passing


def _passes_other_branches(space: Space, code: tuple[int, ...]) -> bool:
    """Positions of a branch that is not taken have gene 0 in a canonical code."""
    branch = None
    for position, gene in zip(space.table.positions, code[1:], strict=True):
        if position.selects:
            branch = gene
        elif position.branch is not None and position.branch != branch and gene:
            return False
    return True


def test_size_counts_the_distinct_networks_of_a_small_space(tiny: Space) -> None:
    """No two canonical codes of this space decode to one network, so both counts agree."""
    networks = set()
    for code in every_code(tiny):
        if _passes_other_branches(tiny, code):
            try:
                networks.add(tiny.decode(code).arch_id)
            except SpaceError:
                continue
    assert tiny.size() == len(networks)


def test_size_counts_repeats_left_out_in_one_order() -> None:
    """Also where the first repeat has the options and the shapes of those that follow it."""
    text = """
name: alike
source: x
input: [3, 16, 16]
columns: [op, k, out, n, repeat]
rows:
  - [conv, 3, 8, 1, ~]
  - either:
      - [mv2, 3, ~, [0, 1, 2], independent]
      - [mv2, 5, ~, [0, 1, 2], independent]
"""
    assert Space.from_yaml(text).size() == 1 + 2 + 4


def test_samples_reach_every_option(tiny: Space) -> None:
    codes = tiny.layered.sample(4000, np.random.default_rng(1))
    for position, n in enumerate(tiny.layered.n_options):
        can_stand = np.flatnonzero((tiny.layered.layers[position].next >= 0).any(axis=0))
        assert set(np.unique(codes[:, position])) == set(can_stand), (position, n)


def test_crossover_and_repair_stay_inside(tiny: Space) -> None:
    rng = np.random.default_rng(2)
    a, b = (tiny.layered.sample(200, rng) for _ in range(2))
    for code in tiny.layered.crossover(a, b, rng):
        tiny.decode(code)


def test_same_generator_seed_same_points() -> None:
    space = shipped("mobile")
    first, second = (space.layered.sample(20, np.random.default_rng(5)) for _ in range(2))
    assert (first == second).all()


def test_codes_of_the_wrong_form_are_refused(tiny: Space) -> None:
    with pytest.raises(SpaceError, match="genes, found 2"):
        tiny.decode((0, 0))
    code = list(tiny.layered.sample(1, np.random.default_rng(0))[0])
    with pytest.raises(SpaceError, match="gene 0 is 9, expected 0 to 1"):
        tiny.decode([9, *code[1:]])


def test_columns_without_effect_do_not_change_arch_id(tiny: Space) -> None:
    """`se` means nothing to a conv."""
    text = (
        "name: a\nsource: x\ninput: [3, 8, 8]\ncolumns: [op, out, se]\nrows:\n  - [conv, 8, {}]\n"
    )
    ids = {Arch.from_yaml(text.format(se)).arch_id for se in ("~", "0.25")}
    assert len(ids) == 1


def test_space_hash_ignores_names_and_sees_choices() -> None:
    renamed = Space.from_yaml(TINY.replace("name: tiny", "name: other"))
    wider = Space.from_yaml(TINY.replace("[16, 24]", "[16, 32]"))
    original = Space.from_yaml(TINY)
    assert original.space_hash == renamed.space_hash != wider.space_hash


def test_a_space_in_which_nothing_stands_is_refused() -> None:
    text = """
name: empty
source: x
input: [3, 16, 16]
columns: [op, out, dim, layers, patch]
rows:
  - [conv, [8, 16], ~, ~, ~]
  - [mobilevit, ~, 16, 1, [3, 5]]
"""
    with pytest.raises(SpaceError, match="no network of this space can be built"):
        _ = Space.from_yaml(text).layered


def test_an_in_column_that_disagrees_in_a_space_is_refused() -> None:
    text = """
name: wrong
source: x
input: [[3, 16, 16], [3, 32, 32]]
columns: [in, op, out]
rows:
  - [~, conv, [8, 16]]
  - [16x8, conv, 8]
"""
    with pytest.raises(DocumentError, match=r"row 2 \(in\): the table says 16x8"):
        _ = Space.from_yaml(text).layered


@pytest.mark.parametrize("name", SPACES)
def test_in_a_notebook_a_space_is_its_rows(name: str) -> None:
    space = shipped(name)
    rows = {position.row for position in space.table.positions if not position.selects}
    assert space._repr_html_().count("<tr>") == 1 + len(rows)
    assert len(repr(space)) < 120

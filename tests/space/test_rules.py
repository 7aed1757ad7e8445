"""Rules of a space, against brute force: every code of a small space without rules, filtered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise, product
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas import library
from nas.blocks import Row
from nas.errors import DocumentError, SpaceError
from nas.files.resources import named
from nas.optimize.exact import fastest, solve, undominated
from nas.space.arch import Arch
from nas.space.rules import Rules
from nas.space.space import Code, Space

TEXT = """
name: ruled
source: "made for tests"
input: [[3, 16, 16]]
rules: {{widths: {rule}}}
columns: [op, k, exp, out, s, n, repeat]
rows:
  - any:
      - - [conv, 3, ~, {stem}, 2, 1, ~]
        - [mv2, 3, 2x, {first}, 1, {left_out}, independent]
      - - [repvit_stem, ~, ~, 16, 4, 1, ~]
  - either:
      - [mv2, 3, 2x, {second}, 1, [1, 2], {repeat}]
      - [repvit_down, 3, 2x, {second}, 2, [1, 2], {repeat}]
      - [repvit, 3, 2x, ~, 1, [1, 2], {repeat}]
  - [conv, 1, ~, {between}, 1, 1, ~]
  - [mv2, 3, 2x, {third}, 1, [0, 1], independent]
  - [conv, 1, ~, {head}, 1, 1, ~]
  - [pool, ~, ~, ~, ~, 1, ~]
  - [linear, ~, ~, 10, ~, 1, ~]
"""
widths = st.lists(st.sampled_from([8, 16, 24, 32]), min_size=1, max_size=2, unique=True)
spaces = st.builds(
    TEXT.format,
    rule=st.sampled_from(["nondecreasing", "any"]),
    stem=widths,
    first=widths,
    left_out=st.sampled_from([[0, 1], [1]]),
    second=widths,
    repeat=st.sampled_from(["shared", "independent"]),
    between=st.sampled_from([8, 32]),
    third=widths,
    head=st.sampled_from([8, 64]),
)
BLOCKS = ("mv2", "repvit_down", "repvit")
ONE = TEXT.format(
    rule="nondecreasing",
    stem=[8, 24],
    first=[8, 16],
    left_out=[0, 1],
    second=[8, 24],
    repeat="independent",
    between=8,
    third=[16, 24],
    head=8,
)
NARROWS = """
name: narrows
source: x
input: [3, 16, 16]
columns: [op, exp, out, s]
rows:
  - [conv, ~, 24, 2]
  - [mv2, 2x, 16, 1]
  - [mv2, 2x, 24, 1]
  - [mv2, 2x, ~, 1]
  - [conv, ~, 8, 1]
  - [mv2, 2x, 16, 1]
  - [conv, ~, 8, 1]
  - [pool, ~, ~, ~]
  - [linear, ~, 10, ~]
"""


def keeps(rows: tuple[Row, ...]) -> bool:
    """Whether each block is as wide as the one before; all blocks of these spaces have `out`."""
    own = [row.out for row in rows if row.op in BLOCKS]  # type: ignore[attr-defined]
    return all(a <= b for a, b in pairwise(own))


def free(space: Space) -> Space:
    return Space(replace(space.table, rules=Rules()))


def every(space: Space) -> Iterator[tuple[Code, Arch]]:
    """Codes with their networks, if no rule counted; positions of another branch have gene 0."""
    unruled = free(space)
    for code in product(*(range(n) for n in space.layered.n_options)):
        pairs = list(zip(space.table.positions, code[1:], strict=True))
        branch = next(gene for position, gene in pairs if position.selects)
        if not any(gene for p, gene in pairs if p.branch not in (None, branch)):
            with suppress(SpaceError):  # a repeat of repvit_down, which has stride 2
                yield code, unruled.decode(code)


def filtered(space: Space, networks: dict[Code, Arch]) -> dict[Code, Arch]:
    """Those that keep the rule, if the space has one."""
    free = not space.table.rules.stated
    return {code: arch for code, arch in networks.items() if free or keeps(arch.rows)}


def stands(space: Space, code: Code) -> bool:
    state = 0
    for layer, gene in zip(space.layered.layers, code, strict=True):
        state = layer.next[state, gene]
        if state < 0:
            return False
    return True


@settings(max_examples=20, deadline=None)
@given(text=spaces, seed=st.integers(0, 2**32 - 1))
def test_a_ruled_space_is_the_free_one_filtered(text: str, seed: int) -> None:
    space, rng = Space.from_yaml(text), np.random.default_rng(seed)
    networks = dict(every(space))
    kept = filtered(space, networks)
    assert {code for code in networks if stands(space, code)} == set(kept)
    assert space.size() == len(kept)
    inside = set(kept.values())
    for arch in set(networks.values()):
        assert space.contains(arch) == (arch in inside)
    layered, any_codes = space.layered, np.array(list(networks))
    a, b = (any_codes[rng.integers(len(any_codes), size=200)] for _ in range(2))
    drawn = layered.sample(200, rng), layered.mutate(a, rng), layered.crossover(a, b, rng)
    assert {*map(tuple, np.concatenate(drawn).tolist())} <= set(kept)


@settings(max_examples=10, deadline=None)
@given(text=spaces, seed=st.integers(0, 2**32 - 1))
def test_the_exact_solver_finds_the_best_that_keeps_the_rule(text: str, seed: int) -> None:
    space, rng = Space.from_yaml(text), np.random.default_rng(seed)
    layered = space.layered
    ms = [rng.random(layer.next.shape) for layer in layered.layers]
    score = [cost + 0.5 * rng.random(cost.shape) for cost in ms]
    kept = [*filtered(space, dict(every(space)))]
    totals = np.array([total(space, code, ms, score) for code in kept])
    assert fastest(layered, ms).ms == pytest.approx(totals[:, 0].min())
    for quantile in (0.0, 0.3, 1.0):
        budget = np.quantile(totals[:, 0], quantile) + 1e-9
        found = solve(layered, undominated(layered, ms, score), budget)
        assert found is not None
        assert found.score == pytest.approx(totals[totals[:, 0] <= budget, 1].max())
        assert tuple(found.code.tolist()) in kept


def total(space: Space, code: Code, *values: list[np.ndarray]) -> tuple[float, ...]:
    """Sums of edge values along a path."""
    state, sums = 0, np.zeros(len(values))
    for p, (layer, gene) in enumerate(zip(space.layered.layers, code, strict=True)):
        sums += [own[p][state, gene] for own in values]
        state = layer.next[state, gene]
    return tuple(sums)


def test_a_network_that_breaks_the_rule_is_named_with_its_stage() -> None:
    """The stem of 24, and the convolution of 8 between the stages, are no stages."""
    text = NARROWS.replace("input:", "rules: {widths: nondecreasing}\ninput:").replace("24", "[24]")
    space = Space.from_yaml(text.replace("[24], 2", "[24, 32], 2"))
    arch = Arch.from_yaml(NARROWS)
    assert free(space).contains(arch)
    assert not space.contains(arch)
    broken = (
        r"stage 3 \(from row 6\) has 16 channels, stage 2 has 24,"
        " and the rule is widths: nondecreasing"
    )
    with pytest.raises(SpaceError, match=f"narrows is not a point of narrows: its {broken}"):
        space.encode(arch)
    with pytest.raises(SpaceError, match=f"no point of narrows: {broken}"):
        space.decode(free(space).encode(arch))


def test_no_network_of_mobile_narrows_and_all_known_ones_are_inside() -> None:
    space = library.load_space("mobile")
    assert space.table.rules == Rules(widths="nondecreasing")
    archs = [library.load_arch(name) for name in named("architecture")]
    known = [arch.name for arch in archs if space.contains(arch)]
    assert known == [arch.name for arch in archs if free(space).contains(arch)]
    assert len(known) == 35


def test_the_hash_of_a_space_sees_its_rules() -> None:
    space = Space.from_yaml(ONE)
    assert space.space_hash != free(space).space_hash
    without = Space.from_yaml(ONE.replace("rules: {widths: nondecreasing}\n", ""))
    assert without.space_hash == free(space).space_hash


WITHOUT_RULES = {
    "accel-nasbench": ("b04e00b50be8", 104485552128, 3599869033),
    "efficientnet": ("b11decdec2c3", 93078921476249129981191716864000, 3509716499),
    "mobile32": ("1a36436cda9f", 146575525827736917562787136, 2062907075),
    "mobilenetv3": ("482b409bf6ee", 21855528578543859209085511783366656000, 3614512112),
    "mobilevit": ("0cde60eafe7b", 15294769920000, 1490152313),
    "nas-bench-macro": ("4f5eab255776", 3969, 4024421810),
    "ofa-mobilenetv3": ("4518cc36d243", 21758655492572485851, 378872725),
    "repvit": ("faa2173f6ba3", 2689292109730410685541030311526400, 1877380339),
}
"""Hash, size and checksum of the edges of spaces without rules, from before there were rules."""


@pytest.mark.parametrize("name", WITHOUT_RULES)
def test_a_space_without_rules_is_what_it_was(name: str) -> None:
    space, checksum = library.load_space(name), 0
    for layer in space.layered.layers:
        checksum = crc32(layer.next.astype("<i4").tobytes(), checksum)
    assert (space.space_hash, space.size(), checksum) == WITHOUT_RULES[name]


WRONG = {
    "{width: nondecreasing}": r"<text> \(rules\): unknown key 'width'; nearest: widths",
    "{widths: nondecreasin}": r"<text> \(rules.widths\): .*'nondecreasin'; nearest: nondecreasing",
    "{widths: 3}": r"<text> \(rules.widths\): expected any or nondecreasing, found 3",
    "[widths]": r"<text> \(rules\): expected keys and values, found \['widths'\]",
}


@pytest.mark.parametrize("rules", WRONG)
def test_a_mistake_in_the_rules_is_named(rules: str) -> None:
    with pytest.raises(DocumentError, match=WRONG[rules]):
        Space.from_yaml(ONE.replace("{widths: nondecreasing}", rules))


def test_rules_need_choices_and_stages() -> None:
    rules = "rules: {widths: nondecreasing}\ninput:"
    with pytest.raises(DocumentError, match=r"<text> \(rules\): only a search space has rules"):
        Arch.from_yaml(NARROWS.replace("input:", rules))
    text = f"name: a\nsource: x\n{rules} [3, 8, 8]\ncolumns: [op, out]\nrows:\n  - [conv, [8, 9]]\n"
    with pytest.raises(DocumentError, match=r"<text> \(rules.widths\): expected rows of blocks"):
        Space.from_yaml(text)

"""An architecture's identity, and its way to YAML and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.blocks import BLOCKS
from nas.errors import ArchError
from nas.space.arch import Arch, lower, read_arch, show_shape

ARCHS = Path(__file__).parents[2] / "search_spaces" / "archs"
LARGE = (ARCHS / "mobilenetv3-large.yaml").read_text(encoding="utf-8")


def test_yaml_survives_the_way_through_a_file(representative: Arch, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    text = representative.to_yaml(path)
    assert path.read_text(encoding="utf-8") == text
    again = read_arch(path)
    assert (again, again.name, again.source) == (
        representative,
        representative.name,
        representative.source,
    )
    assert again.to_yaml() == text


def test_yaml_holds_the_figures_that_a_test_may_recompute(representative: Arch) -> None:
    again = Arch.from_yaml(representative.to_yaml())
    assert again.expect == {"params": representative.params, "macs": representative.macs}


@pytest.mark.parametrize(
    "change",
    [
        ("name: mobilenetv3-large", "name: other"),
        ("arXiv:1905.02244", "somewhere else"),
        ("rows:", "# a comment\nrows:"),
        ("name:", "notes: a note\nname:"),
        ("expect: {params: 5483032, macs: 216589760}", "expect: {}"),
        ("[224x3 ", "[~     "),
        ("conv  , 3,", "conv  , ~,"),  # 3 is conv's default
    ],
    ids=lambda change: change[1][:20],
)
def test_arch_id_does_not_depend_on_what_computes_nothing(change: tuple[str, str]) -> None:
    assert change[0] in LARGE
    arch, changed = Arch.from_yaml(LARGE), Arch.from_yaml(LARGE.replace(*change))
    assert changed.arch_id == arch.arch_id
    assert changed == arch
    assert hash(changed) == hash(arch)


def test_arch_id_does_not_depend_on_a_column_that_no_op_has() -> None:
    plain = "name: t\nsource: s\ninput: [3, 8, 8]\ncolumns: [op, out]\nrows: [[conv, 8]]"
    padded = plain.replace("[op, out]", "[op, out, layers]").replace("[conv, 8]", "[conv, 8, 5]")
    assert padded != plain
    assert Arch.from_yaml(padded).arch_id == Arch.from_yaml(plain).arch_id


def test_arch_id_does_not_depend_on_how_a_width_is_written() -> None:
    text = "name: t\nsource: s\ninput: [8, 8, 8]\ncolumns: [op, exp]\nrows: [[bneck, 16]]"
    ratio = text.replace("16", "2x")
    assert Arch.from_yaml(ratio).arch_id == Arch.from_yaml(text).arch_id


@pytest.mark.parametrize(
    "change",
    [
        ("[3, 224, 224]", "[3, 224, 256]"),
        ("relu  ,", "silu  ,"),
        (", 5,", ", 7,"),
        ("0.25", "0.5"),
    ],
    ids=lambda change: change[1],
)
def test_arch_id_depends_on_what_is_computed(change: tuple[str, str]) -> None:
    text = "\n".join(_without_in(line) for line in LARGE.splitlines())
    assert change[0] in text
    arch, changed = Arch.from_yaml(text), Arch.from_yaml(text.replace(*change, 1))
    assert changed.arch_id != arch.arch_id
    assert changed != arch


def _without_in(line: str) -> str:
    return "  - [~," + line.partition(",")[2] if line.startswith("  -") else line


def test_figures_are_those_of_the_paper() -> None:
    arch = read_arch(ARCHS / "mobilenetv3-large.yaml")
    assert (arch.params, arch.macs) == (5_483_032, 216_589_760)


def test_rows_that_cannot_follow_name_network_and_row(representative: Arch) -> None:
    linear = BLOCKS["linear"]()
    with pytest.raises(
        ArchError, match=rf"{representative.name} row 1 \(linear\): linear needs a pooled"
    ):
        lower((linear, *representative.rows), representative.input, representative.name)


def test_same_rows_on_another_input_are_another_network() -> None:
    arch = Arch.from_yaml(LARGE)
    other = replace(arch, input=(3, 448, 448))
    assert other != arch
    assert other.arch_id != arch.arch_id
    assert (other.params, other.macs > 3 * arch.macs) == (arch.params, True)


def test_shape_is_shown_as_the_paper_prints_it() -> None:
    assert [show_shape(s) for s in ((24, 56, 56), (24, 56, 48), (1280,))] == [
        "56x24",
        "56x48x24",
        "1280",
    ]


@given(st.floats(min_value=1e-9, max_value=1, exclude_min=True))
def test_fraction_survives_yaml_to_the_last_digit(se: float) -> None:
    row = BLOCKS["bneck"](out=8, exp=16, se=se)
    arch = Arch("t", "s", (8, 8, 8), (row,))
    assert Arch.from_yaml(arch.to_yaml()) == arch


def test_as_a_frame_and_in_a_notebook_it_is_the_table_with_what_rows_cost() -> None:
    arch = Arch.from_yaml(LARGE)
    frame = arch.to_frame()
    assert [*frame.columns[:4]] == ["in", "op", "k", "exp"]
    assert (frame["params"].sum(), frame["macs"].sum()) == (arch.params, arch.macs)
    assert frame["exp"].dtype.kind == "i"
    assert repr(arch) == f"<Arch mobilenetv3-large: 20 rows on 224x3, arch_id {arch.arch_id}>"
    shown = arch._repr_html_()
    assert shown.count("<tr>") == 1 + len(arch.rows) + 1
    assert "5,483,032" in shown


def test_a_name_in_any_script_survives_yaml() -> None:
    name = "Netz für 📱"
    assert Arch.from_yaml(replace(Arch.from_yaml(LARGE), name=name).to_yaml()).name == name


def test_a_name_is_escaped_in_a_notebook() -> None:
    arch = replace(Arch.from_yaml(LARGE), name="<script>", source="a & b")
    assert "<b>&lt;script&gt; (a &amp; b)</b>" in arch._repr_html_()

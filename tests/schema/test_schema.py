"""A schema refuses what its strict loader refuses, as far as it can see, and nothing else."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from nas.blocks import BLOCKS
from nas.errors import NasError
from nas.files import yaml
from nas.files.resources import data_dir
from nas.graph.ops import ACTIVATIONS
from nas.schema import KINDS
from nas.schema.check import kind_of
from nas.space.table import COLUMNS
from nas.train.recipe import recipes

ROOT = Path(__file__).parents[2]
SHIPPED = [(kind.name, path) for kind in KINDS.values() for path in sorted(ROOT.glob(kind.files))]
EXAMPLE = {
    "arch": data_dir("search_spaces") / "archs" / "mobilenetv3-small.yaml",
    "space": data_dir("search_spaces") / "repvit.yaml",
    "device": data_dir("predictors") / "iphone12-lut" / "device.yaml",
    "recipe": recipes()["efficientnetv2-s"],
    "sweep": Path(__file__).parents[2] / "docs" / "cluster" / "sweep.yaml",
}


@cache
def validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(KINDS[kind].schema())


@cache
def example(kind: str) -> Any:
    return yaml.read(EXAMPLE[kind])


def load(kind: str, content: Any, folder: Path) -> None:
    """What the strict loader says to this content."""
    path = folder / EXAMPLE[kind].name
    yaml.write(path, content)
    KINDS[kind].load(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that has what stands beside a device."""
    made = tmp_path_factory.mktemp("files")
    for csv in EXAMPLE["device"].parent.glob("*.csv"):
        (made / csv.name).write_bytes(csv.read_bytes())
    return made


def changed(kind: str, path: tuple[Any, ...], value: Any) -> Any:
    """The example of its kind with one value replaced, added (a new key), or removed (`...`)."""
    content = copy.deepcopy(example(kind))
    *parents, last = path
    place: Any = content
    for key in parents:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return content


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_one_and_the_file_in_docs_is_up_to_date(kind: str) -> None:
    schema = KINDS[kind].schema()
    Draft202012Validator.check_schema(schema)
    kept = ROOT / "docs" / "schemas" / f"{kind}.json"
    assert json.loads(kept.read_text(encoding="utf-8")) == schema, f"nas schema {kind} > {kept}"


def test_there_is_no_other_file() -> None:
    assert {path.stem for path in (ROOT / "docs" / "schemas").iterdir()} == set(KINDS)


@pytest.mark.parametrize(
    ("kind", "path"),
    SHIPPED,
    ids=lambda v: v if isinstance(v, str) else f"{v.parent.name}/{v.stem}",
)
def test_every_shipped_file_is_accepted_and_recognised(kind: str, path: Path) -> None:
    content = yaml.read(path)
    validator(kind).validate(content)
    assert kind_of(content, str(path)).load is KINDS[kind].load


REQUIRED = {"device": "sources", "sweep": "data"}
WRONG: list[tuple[str, tuple[Any, ...], Any]] = [
    *[(kind, ("colour",), "red") for kind in KINDS],
    *[(kind, (REQUIRED.get(kind, "source"),), ...) for kind in KINDS],
    *[(kind, ("name",), 5) for kind in KINDS],
    *[
        (kind, path, value)
        for kind in ("arch", "space")
        for path, value in [
            (("rows", 0), ["convolution"]),
            (("rows", 0), "conv"),
            (("rows",), []),
            (("columns", 0), "width"),
            (("columns",), ["k"]),
            (("input",), [3, 0, 224]),
            (("input",), [3, 224]),
            (("expect",), {"flops": 1}),
            (("schema",), 2),
        ]
    ],
    ("arch", ("rows", 0, 1), "convv"),
    ("arch", ("rows", 0, 1), True),
    ("arch", ("rows", 0, 4), "6X"),
    ("arch", ("rows", 0, 6), "swish"),
    ("arch", ("rows", 0), {"either": [[]], "or": []}),
    ("space", ("rows", 0), {"all": []}),
    ("space", ("rows", 0), {"any": []}),
    ("space", ("rules",), {"widths": "decreasing"}),
    ("space", ("rules",), {"heights": "nondecreasing"}),
    ("space", ("rules",), ["widths"]),
    ("arch", ("rules",), {"widths": "nondecreasing"}),
    ("device", ("precision",), "fp12"),
    ("device", ("fuses", 0), "relu7"),
    ("device", ("fixed_ms",), 0),
    ("device", ("batch",), 0),
    ("device", ("threads",), "four"),
    ("device", ("sources",), []),
    ("device", ("interval", "level"), ...),
    ("device", ("interval", "coverage_pct"), 101),
    ("device", ("held_out", "spearman"), 2),
    ("device", ("held_out", "worst"), 2),
    ("device", ("whole",), {"factor": 1}),
    ("sweep", ("budgets_ms",), {"iphone12-lut": 1.0}),
    ("sweep", ("budgets_ms",), [0.0]),
    ("sweep", ("scheduler", "name"), "median"),
    ("sweep", ("resources", "cpus"), "all"),
    ("sweep", ("seeds",), [0.5]),
    ("recipe", ("epochs",), 0),
    ("recipe", ("epochs",), "ten"),
    ("recipe", ("side",), "largest"),
    ("recipe", ("optimiser",), "adamw"),
    ("recipe", ("optimiser", "name"), "adam"),
    ("recipe", ("optimiser", "beta1"), 0.9),
    ("recipe", ("augment", "flip"), 1),
    ("recipe", ("stages",), []),
    ("recipe", ("stages", 0, "side"), 4),
]


@pytest.mark.parametrize(("kind", "path", "value"), WRONG, ids=str)
def test_what_a_loader_refuses_its_schema_refuses(
    kind: str, path: tuple[Any, ...], value: Any, folder: Path
) -> None:
    content = changed(kind, path, value)
    with pytest.raises(NasError):
        load(kind, content, folder)
    assert not validator(kind).is_valid(content)


def leaves(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to every value that holds no others."""
    if not isinstance(content, dict | list):
        return [path]
    items = content.items() if isinstance(content, dict) else enumerate(content)
    return [leaf for key, value in items for leaf in leaves(value, (*path, key))]


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 70_000),
    st.floats(-2, 200, allow_nan=False),
    st.sampled_from(
        [*BLOCKS, *ACTIVATIONS, *COLUMNS, "2x", ".5x", "-1x", "1e1x", "7x7x64", "", "no"]
    ),
)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_what_a_schema_refuses_its_loader_refuses(kind: str, folder: Path, data: Any) -> None:
    path = data.draw(st.sampled_from(leaves(example(kind))))
    content = changed(kind, path, data.draw(CELLS))
    if not validator(kind).is_valid(content):
        with pytest.raises(NasError):
            load(kind, content, folder)

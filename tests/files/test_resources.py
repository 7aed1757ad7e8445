"""Names and paths: what is shipped is found by name, everything else by path."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.errors import DocumentError, UnknownNameError
from nas.files.resources import find, named, trained_in


def test_name_leads_to_its_file() -> None:
    assert find("architecture", "mobilenetv2").name == "mobilenetv2.yaml"
    assert find("space", "mobile").name == "mobile.yaml"
    assert find("device", "iphone12-lut").parts[-2:] == ("iphone12-lut", "device.yaml")


def test_path_of_a_shipped_file_leads_to_it() -> None:
    for path in named("architecture").values():
        assert find("architecture", path) == find("architecture", str(path)) == path


def test_folder_stands_for_the_file_in_it(tmp_path: Path) -> None:
    assert find("architecture", tmp_path) == tmp_path / "best.yaml"
    assert find("device", str(tmp_path)) == tmp_path / "device.yaml"


def test_name_wins_over_a_file_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mobilenetv2").mkdir()
    assert find("architecture", "mobilenetv2") == named("architecture")["mobilenetv2"]


def test_seeds_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "best.yaml").touch()
    for name, first in (("seedling", "seedling"), ("seed10", "seed10"), ("seed2", "seed2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights.safetensors").touch()
        found = trained_in(tmp_path)
        assert found is not None
        assert found[1].parent.name == first


def test_what_was_trained_in_a_folder_is_its_first_seed(tmp_path: Path) -> None:
    assert trained_in(tmp_path / "nothing") is None
    for name in ("best.yaml", "seed1/weights.safetensors", "seed0/weights.safetensors"):
        assert trained_in(tmp_path) is None or name.startswith("seed0")
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert trained_in(tmp_path) == (
        tmp_path / "best.yaml",
        tmp_path / "seed0" / "weights.safetensors",
    )
    (tmp_path / "trained.yaml").touch()
    assert trained_in(str(tmp_path)) == (
        tmp_path / "trained.yaml",
        tmp_path / "seed0" / "weights.safetensors",
    )


@pytest.mark.parametrize(
    "name", ["", " ", "nothing", "mobilenetv2 ", "x" * 10_000, "a\0b", "MOBILE"]
)
def test_unknown_name_is_told_with_the_nearest(name: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        find("architecture", name)
    assert len(str(caught.value)) < 3_000


@pytest.mark.parametrize(
    "path", ["./nothing", "no/such/net", "net.yaml", Path("net"), "a\0/b.yaml"]
)
def test_missing_path_is_told_as_a_path(path: str | Path) -> None:
    with pytest.raises(DocumentError, match="no such file or folder"):
        find("architecture", path)

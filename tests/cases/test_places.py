"""Where commands write: nothing foreign is replaced or removed, whatever names say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .conftest import Nas

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
TRAIN = ("tiny.yaml", "--recipe", "tinyrec.yaml", "--data", "a.npz", "--epochs", "1")
SEARCH = ("search", "--space", "tinyspace.yaml", "--budget-ms", "5", "--device", "sd855-cpu-1t")


@pytest.mark.slow
def test_force_deletes(nas: Nas, tiny: Path) -> None:
    photo, thesis = tiny / "results/photos/holiday.jpg", tiny / "home/user/thesis.txt"
    for file in (photo, thesis):
        file.parent.mkdir(parents=True)
        file.write_text("mine")
    done = nas("train", *TRAIN, "--name", "photos", "--force")
    assert (done.code, photo.read_text()) == (2, "mine")
    assert "nas did not write holiday.jpg in it; move it away" in done.err
    done = nas("kit", "tiny.yaml", "--device-os", "android", "--out", "home/user", "--force")
    assert (done.code, thesis.read_text()) == (2, "mine")
    assert "nas did not write thesis.txt in it" in done.err


@pytest.mark.parametrize("name", ["../../evil", "ABSOLUTE/evil"])
def test_scale_traversal(nas: Nas, tiny: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    table = (tiny / "tiny.yaml").read_text().partition("\n")[2]
    name = name.replace("ABSOLUTE", str(tiny))
    work = tiny / "deep" / "er"
    work.mkdir(parents=True)
    (work / "e.yaml").write_text(f"name: {name}\n{table}")
    monkeypatch.chdir(work)
    done = nas("scale", "e.yaml", "--search", "--budget-macs", "3e5")
    assert done.code == 2
    assert done.err.startswith("nas: name '") and ": expected a plain name" in done.err
    assert [path.name for path in tiny.rglob("*evil*")] == []
    done = nas("train", "e.yaml", *TRAIN[1:3], "--data", str(tiny / "a.npz"), "--epochs", "1")
    assert (done.code, [path.name for path in tiny.rglob("*evil*")]) == (2, [])
    assert nas("export", "e.yaml", "--format", "yaml").code == 2


def test_scale_keeps_a_file_that_is_there(nas: Nas, tiny: Path) -> None:
    there = tiny / "tiny-scaled.yaml"
    there.write_text("mine")
    asked = ("scale", "tiny.yaml", "--search", "--budget-macs", "3e5")
    for force in ((), ("--force",)):
        assert nas(*asked, *force).code == 2
        assert there.read_text() == "mine"
    there.unlink()
    assert nas(*asked).code == 0
    assert nas(*asked).code == 2
    assert nas(*asked, "--force").code == 0
    assert there.read_text().endswith("# made by nas\n")


@pytest.mark.slow
def test_a_report_is_not_written_through_a_link(nas: Nas, tiny: Path) -> None:
    shutil.copytree(EXAMPLE, tiny / "results/mine")
    target, page = tiny / "precious.txt", tiny / "results/mine/report.html"
    target.write_text("mine")
    page.symlink_to(target)
    for force in ((), ("--force",)):
        done = nas("report", "results/mine", *force)
        assert done.code == 2
        assert "is a link" in done.err
    page.unlink()
    assert nas("report", "results/mine").code == 0
    assert nas("report", "results/mine", "--force").code == 0
    assert target.read_text() == "mine"


@pytest.mark.slow
def test_force_replaces_what_an_earlier_version_made(nas: Nas, tiny: Path) -> None:
    mine = tiny / "results/mine"
    shutil.copytree(EXAMPLE, mine)
    (mine / "notes.txt").write_text("mine")
    done = nas(*SEARCH, "--name", "mine", "--force")
    assert (done.code, "did not write notes.txt in it" in done.err) == (2, True)
    (mine / "notes.txt").unlink()
    (mine / "report.html").touch()
    assert nas(*SEARCH, "--name", "mine", "--force").code == 0
    assert not (mine / "report.html").exists()


def test_long_name(nas: Nas, tiny: Path) -> None:
    long = 300 * "x"
    table = (tiny / "tiny.yaml").read_text().partition("\n")[2]
    (tiny / "long.yaml").write_text(f"name: {long}\n{table}")
    ms = ("--budget-ms", "0.001", "--surrogate")
    for asked in (
        (*SEARCH, "--name", long),
        (*SEARCH, "--out", long),
        ("train", "long.yaml", *TRAIN[1:]),
        ("export", "long.yaml", "--format", "yaml"),
        ("adapt", "long.yaml", *ms),
        ("scale", "long.yaml", "--search", "--budget-macs", "3e5"),
        ("kit", "tiny.yaml", "--device-os", "android", "--out", long),
        ("show", "tiny.yaml", "--svg", f"{long}.svg"),
    ):
        done = nas(*asked)
        assert done.code == 2, asked
        assert "File name too long" in done.err or "bytes, expected at most 231" in done.err
    assert nas(*SEARCH, "--name", 116 * "ü").code == 2, "bytes count, not letters"


@pytest.mark.slow
def test_the_longest_name(nas: Nas, tiny: Path) -> None:
    for force in ((), ("--force",)):
        assert nas(*SEARCH, "--name", 231 * "x", *force).code == 0
        assert nas("train", *TRAIN, "--name", 231 * "y", *force).code == 0


@pytest.mark.parametrize("out", ["s3://bucket/x", "gs://bucket", "hdfs:///x", "~/x", "~"])
def test_url_as_folder(nas: Nas, tiny: Path, out: str) -> None:
    before = {path.name for path in tiny.iterdir()}
    for asked in (
        ("train", *TRAIN, "--out", out, "--name", "x"),
        (*SEARCH, "--out", out),
        ("export", "tiny.yaml", "--format", "yaml", "--out", out),
        ("kit", "tiny.yaml", "--device-os", "android", "--out", f"{out}/kit"),
        ("show", "tiny.yaml", "--svg", f"{out}/x.svg"),
        ("scale", "tiny.yaml", "--phi", "1", "--out", f"{out}/x.yaml"),
    ):
        done = nas(*asked)
        assert done.code == 2, asked
        assert "a local folder is needed" in done.err
    assert {path.name for path in tiny.iterdir()} == before


def test_a_shipped_name_is_not_given_twice(nas: Nas, tiny: Path) -> None:
    for asked in (
        ("profile", "--out", "iphone13"),
        ("calibrate", "--from", "none.csv", "--out", "own/iphone13"),
    ):
        done = nas(*asked)
        assert done.code == 2
        assert "a shipped device is called iphone13; choose another name" in done.err
    done = nas(*SEARCH, "--out", ".", "--name", "mobilenetv2")
    assert (done.code, "a shipped architecture is called mobilenetv2" in done.err) == (2, True)

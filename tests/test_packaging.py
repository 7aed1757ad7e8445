"""What a user installs: the data folders are found from a wheel and from an editable install."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from nas import __version__
from nas.files.resources import ENTRIES, data_dir, named
from nas.system.extras import EXTRAS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

#: distribution -> module, where the names differ
MODULES = {"pillow": "PIL", "scikit-learn": "sklearn"}


def run(*args: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, *args],
        cwd=cwd,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def distribution(requirement: str) -> str:
    name = requirement.partition(">")[0].partition("[")[0]
    return MODULES.get(name, name.replace("-", "_"))


def test_version_is_stated_once_more_in_the_package() -> None:
    assert PROJECT["version"] == __version__


def test_extras_are_those_that_a_missing_import_names() -> None:
    declared = {
        name: tuple(distribution(r) for r in requirements if not r.startswith("nas["))
        for name, requirements in PROJECT["optional-dependencies"].items()
        if name not in ("docs", "test", "test-all", "all")
    }
    assert declared == EXTRAS


def included(extra: str) -> set[str]:
    """The extras that one brings, with itself."""
    found = {extra}
    for requirement in PROJECT["optional-dependencies"][extra]:
        if requirement.startswith("nas["):
            for name in requirement.removeprefix("nas[").removesuffix("]").split(","):
                found |= included(name)
    return found


def test_all_is_every_other_extra() -> None:
    assert included("all") == set(PROJECT["optional-dependencies"])


def test_default_tests_need_little_beside_torch() -> None:
    slow = {"docs", "executorch", "litert", "openvino", "postgres", "ray"}
    assert included("test-all") - included("test") == {"test-all", *slow}


def test_core_install_has_no_torch() -> None:
    assert not [d for d in PROJECT["dependencies"] if d.startswith(("torch", "timm", "optuna"))]


@pytest.mark.parametrize("what", ENTRIES)
def test_something_of_each_sort_is_shipped(what: str) -> None:
    assert named(what)  # type: ignore[arg-type]


def test_readme_sets_up_with_two_commands() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    start = lines.index("## Set up")
    end = next(i for i, line in enumerate(lines) if i > start and line.startswith("## "))
    section = lines[start:end]
    fences = [i for i, line in enumerate(section) if line.startswith("```")]
    commands = [
        line
        for opened, closed in zip(fences[::2], fences[1::2], strict=True)
        for line in section[opened + 1 : closed]
    ]
    assert commands == [
        "pip install . && nas search --budget-ms 1.0 --device iphone12-lut",
        "pip install '.[test]' && pytest",
    ]


BUILT = pytest.mark.needs("hatchling")


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, installed in a folder of its own."""
    wheels, target = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("target")
    run("-m", "hatchling", "build", "-t", "wheel", "-d", wheels, cwd=ROOT)
    (wheel,) = wheels.glob("nas-*.whl")
    options = ("--no-deps", "--no-index", "--quiet", "--target")
    run("-m", "pip", "install", *options, target, wheel, cwd=wheels)
    return target


LIST = "from nas.cli.main import main; main()"


@pytest.mark.slow
@BUILT
def test_wheel_finds_its_data(installed: Path, tmp_path: Path) -> None:
    where = "import nas; print(nas.__file__)"
    assert run("-c", where, cwd=tmp_path, PYTHONPATH=str(installed)).startswith(str(installed))
    out = run("-c", LIST, "list", "archs", "--json", cwd=tmp_path, PYTHONPATH=str(installed))
    assert [entry["name"] for entry in json.loads(out)] == [*named("architecture")]


@pytest.mark.slow
@BUILT
def test_wheel_holds_every_file_of_the_data_folders(installed: Path) -> None:
    for folder in ("search_spaces", "predictors", "results/published"):
        sources = [p for p in (ROOT / folder).rglob("*") if p.is_file() and p.suffix != ".pyc"]
        assert sources
        for path in sources:
            copy = installed / "nas" / "_data" / path.relative_to(ROOT)
            assert copy.read_bytes() == path.read_bytes()
    assert (installed / "nas" / "py.typed").is_file()
    web = Path("nas") / "report" / "pages" / "web"  # what a page is made of
    assert {path.suffix for path in (ROOT / web).iterdir()} == {".html", ".css", ".js"}
    for path in (ROOT / web).iterdir():
        assert (installed / web / path.name).read_bytes() == path.read_bytes()


@pytest.mark.slow
@BUILT
def test_wheel_holds_nothing_else(installed: Path) -> None:
    assert {path.name for path in installed.iterdir()} - {"bin"} == {
        "nas",
        f"nas-{__version__}.dist-info",
    }
    assert not [*installed.rglob("test_*.py")]


@pytest.mark.slow
@BUILT
def test_editable_install_finds_the_folders_of_the_checkout(tmp_path: Path) -> None:
    run("-m", "hatchling", "build", "-t", "wheel:editable", "-d", tmp_path, cwd=ROOT)
    (wheel,) = tmp_path.glob("nas-*.whl")
    options = ("--no-deps", "--no-index", "--quiet", "--target")
    run("-m", "pip", "install", *options, tmp_path / "site", wheel, cwd=tmp_path)
    assert not (tmp_path / "site" / "nas").exists()
    # as an interpreter does for its own site-packages, but before them
    code = (
        f"import sys, site; sys.path[:] = [p for p in sys.path if not p.endswith('-packages')];"
        f"site.addsitedir({str(tmp_path / 'site')!r});"
        f"from nas.files.resources import data_dir; print(data_dir('search_spaces'))"
    )
    assert Path(run("-c", code, cwd=tmp_path).strip()) == ROOT / "search_spaces"


def test_data_folder_is_beside_or_inside_the_package() -> None:
    for folder in ("search_spaces", "predictors", "results"):
        assert data_dir(folder).is_dir()  # type: ignore[arg-type]

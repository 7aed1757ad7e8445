"""`nas kit`: a folder for a phone that is not here."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.devices.measure.imports import KIT, read_kit
from nas.devices.measure.kit import _file_name

from .conftest import Nas

TINY = Path(__file__).parents[1] / "cases" / "tiny.yaml"
FILES = {
    "android": {"tiny.tflite", "tiny.pte", "README.md", KIT},
    "ios": {"tiny.mlpackage", "README.md", "benchmark.py", KIT},
}


@pytest.mark.slow
@pytest.mark.needs("executorch", "litert")
@pytest.mark.parametrize("device_os", FILES)
def test_a_kit_holds_models_instructions_and_what_is_what(
    nas: Nas, tmp_path: Path, device_os: str
) -> None:
    out = tmp_path / "kit"
    done = nas("kit", "--device-os", device_os, str(TINY), "--out", str(out))
    assert done.code == 0
    assert {file.name for file in out.iterdir() if file.name[0] != "."} == FILES[device_os]
    models = read_kit(out / KIT)
    assert set(models) == FILES[device_os] - {"README.md", "benchmark.py", KIT}
    assert {model.network for model in models.values()} == {str(TINY)}


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mobilenetv3-large-0.75", "mobilenetv3-large-0.75"),
        ("nets/mine.yaml", "mine"),
        ("results/mine", "mine"),  # where `results` is no folder of the kit
    ],
)
def test_a_model_is_called_after_its_network(name: str, file: str) -> None:
    assert _file_name(name) == file


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--device-os", "io", "mobilenetv2"), "unknown operating system 'io'; nearest: ios"),
        (("--device-os", "ios", "mobilenet"), "unknown architecture 'mobilenet'; nearest"),
        (("--device-os", "ios", *["mobilenetv2"] * 2), "would share one file name"),
    ],
)
def test_bad_input_is_named(
    nas: Nas, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = nas("kit", *arguments, "--out", str(tmp_path / "kit"))
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not [*tmp_path.iterdir()]


def test_an_existing_folder_is_kept(nas: Nas, tmp_path: Path) -> None:
    done = nas("kit", "--device-os", "ios", "mobilenetv2", "--out", str(tmp_path))
    assert done.code == 2
    assert "exists and is kept" in done.err

"""`nas show`: every figure of one network, in a table and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nas import library
from nas.files import yaml
from nas.files.resources import named
from nas.space.arch import Arch
from nas.space.retarget import for_task

from .conftest import Nas

KEYS = {"name", "arch_id", "params", "macs", "ms", "ms_low", "ms_high", "rows"}


def test_json_holds_the_figures_of_the_network(nas: Nas, representative: Arch) -> None:
    arch = representative
    done = nas("show", arch.name, "--json")
    content = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert set(content) >= KEYS
    assert (content["name"], content["arch_id"]) == (arch.name, arch.arch_id)
    assert (content["params"], content["macs"]) == (arch.params, arch.macs)
    assert content["ms"] is content["ms_low"] is content["ms_high"] is None
    assert sum(row["params"] for row in content["rows"]) == arch.params
    assert sum(row["macs"] for row in content["rows"]) == arch.macs


def test_json_with_a_device_holds_its_prediction(nas: Nas) -> None:
    content = json.loads(nas("show", "mobilenetv2", "--device", "iphone12-lut", "--json").out)
    predicted = library.load_device("iphone12-lut").predict(library.load_arch("mobilenetv2"))
    assert content["ms"] == predicted.ms
    assert content["ms_low"] < content["ms"] < content["ms_high"]
    rows = [row["ms"] for row in content["rows"]]
    assert sum(rows) + content["ms_fixed"] == pytest.approx(content["ms"])


def test_table_fits_80_columns_and_cuts_no_number(nas: Nas, representative: Arch) -> None:
    arch = representative
    done = nas("show", arch.name, "--device", "iphone12-lut")
    assert (done.code, done.err) == (0, "")
    assert max(len(line) for line in done.out.splitlines()) <= 80
    assert "…" not in done.out
    assert f"{arch.params:,}" in done.out
    assert arch.arch_id in done.out


def test_narrow_terminal_still_gets_whole_numbers(
    nas: Nas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    assert "1,281,000" in nas("show", "mobilenetv3-large", "--device", "iphone12-lut").out


def test_table_is_the_papers_row_by_row(nas: Nas) -> None:
    lines = [line.split() for line in nas("show", "mobilenetv3-large").out.splitlines()]
    assert lines[2][:9] == ["in", "op", "k", "exp", "out", "se", "act", "s", "params"]
    assert ["112x16", "bneck", "3", "64", "24", "-", "relu", "2", "3,440", "19.47"] in lines
    assert ["7x960", "pool", "-", "-", "-", "-", "-", "-", "0", "0.00"] in lines
    assert ["total", "5,483,032", "216.59"] in lines


def test_fused_rows_count_what_a_device_runs(nas: Nas) -> None:
    content = json.loads(nas("show", "repvit-m0.9", "--fused", "--json").out)
    assert sum(row["params"] for row in content["rows"]) == content["fused_params"] == 5_067_056
    assert content["params"] == 5_103_560


def test_file_and_results_folder_are_taken_like_a_name(nas: Nas, tmp_path: Path) -> None:
    library.load_arch("mobilenetv2").to_yaml(tmp_path / "best.yaml")
    for place in (tmp_path, tmp_path / "best.yaml"):
        assert json.loads(nas("show", str(place), "--json").out)["params"] == 3_504_872


def test_hostile_file_is_one_message(nas: Nas, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("name: !!python/object/apply:os.system [ls]", encoding="utf-8")
    done = nas("show", str(path))
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"nas: {path} line 1, column 7: tags are not allowed"
        " (tag:yaml.org,2002:python/object/apply:os.system)\n"
    )


def test_strict_refuses_what_a_device_has_no_cost_for(nas: Nas, tmp_path: Path) -> None:
    """A class taken out of the table is priced by another, and refused under --strict."""
    shipped = named("device")["iphone12-lut"].parent
    for file in shipped.iterdir():
        text = file.read_text(encoding="utf-8")
        kept = [line for line in text.splitlines() if not line.startswith("linear,")]
        (tmp_path / file.name).write_text("\n".join(kept) + "\n", encoding="utf-8")
    lax = nas("show", "mobilenetv2", "--device", str(tmp_path))
    assert lax.code == 0
    assert "caution" in lax.out
    strict = nas("show", "mobilenetv2", "--device", str(tmp_path), "--strict")
    assert (strict.code, strict.out) == (2, "")
    assert strict.err.startswith("nas: ")


def test_published_figure_is_not_lent_to_a_network_that_only_bears_the_name(
    tmp_path: Path,
) -> None:
    text = library.load_arch("mobilenetv2").to_yaml()
    path = tmp_path / "other.yaml"
    path.write_text(text.replace("relu6", "silu"), encoding="utf-8")
    assert library.published(library.load_arch(path)) == ()


OWN = """
import torch
from torch import nn

class Odd(nn.LSTM):
    def forward(self, x):
        return torch.fft.fft(super().forward(x)[0]).real

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.odd = Odd(16, 4)
        self.idle = nn.Linear(2, 2)

    def forward(self, x):
        return self.odd(self.stem(x).flatten(1, 2)[0])
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    pytest.importorskip("torch")
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    return f"{tmp_path / 'own.py'}:Net@32"


def test_a_traced_network_is_shown_like_a_table_and_marked(nas: Nas, own: str) -> None:
    done = nas("show", own, "--device", "iphone12-lut", "--json")
    content = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert [row["op"] for row in content["rows"]] == ["stem", "(none)", "odd", "idle"]
    assert content["params"] == sum(row["params"] for row in content["rows"]) == 224 + 352 + 6
    assert content["source"].startswith("traced from ")
    assert content["arch_id"] is content["top1"] is None
    rows = [row["ms"] for row in content["rows"]]
    assert rows.pop() is None  # nothing runs there
    assert sum(rows) + content["ms_fixed"] == pytest.approx(content["ms"])
    table = nas("show", own, "--device", "iphone12-lut").out
    for text in ("traced from", "as traced", "unknown work", "Fourier", "caution", "idle.weight"):
        assert text in table


def test_strict_names_op_row_and_nearest_class_of_a_call_without_a_kind(nas: Nas, own: str) -> None:
    done = nas("show", own, "--device", "iphone12-lut", "--strict")
    assert (done.code, done.out) == (2, "")
    assert "row 3, op lstm: no coefficients for product (128, 1, 16); nearest known: " in done.err


def test_strict_refuses_work_that_is_unknown_on_every_device(nas: Nas, own: str) -> None:
    for command in ("show", "compare"):
        done = nas(command, own, "--strict")
        assert (done.code, done.out) == (2, "")
        assert "fft_fft" in done.err and "Fourier" in done.err


def test_a_table_is_shown_at_another_side(nas: Nas) -> None:
    content = json.loads(nas("show", "mobilenetv2@192", "--json").out)
    assert content["input"] == [3, 192, 192]
    assert content["published"] == []
    assert content["top1"] is not None


def test_a_picture_is_drawn_beside_the_table(nas: Nas, tmp_path: Path) -> None:
    path = tmp_path / "net.svg"
    plain = nas("show", "mobilenetv2", "--device", "iphone12-lut")
    drawn = nas("show", "mobilenetv2", "--device", "iphone12-lut", "--svg", str(path))
    assert drawn.out.startswith(plain.out)
    assert f"writtento{path}" in "".join(drawn.out.split())
    assert path.read_text(encoding="utf-8").startswith("<svg ")
    wrong = nas("show", "mobilenetv2", "--svg", str(tmp_path / "net.png"))
    assert (wrong.code, wrong.out) == (2, "")
    assert "expected a name ending in .svg" in wrong.err
    failed = nas("show", "mobilenetv2", "--svg", str(tmp_path / "none" / "net.svg"))
    assert (failed.code, failed.out) == (2, "")
    assert failed.err.startswith("nas: ")


def write_result(folder: Path, device: dict[str, str]) -> None:
    """A result of a search with training on ten classes, as far as `nas show` reads it."""
    arch = library.load_arch("mobilenetv3-small")
    folder.mkdir(parents=True)
    arch.to_yaml(folder / "best.yaml")
    for_task(arch, classes=10, side=96).to_yaml(folder / "trained.yaml")
    (folder / "weights.safetensors").touch()
    study = {"device": device, "budget_ms": 1.0, "date": "2026-01-31"}
    yaml.write(folder / "study.yaml", study)


def test_a_result_is_shown_on_its_device_and_as_it_was_trained(nas: Nas, tmp_path: Path) -> None:
    device = library.load_device("pixel6-cpu")
    folder = tmp_path / "mine"
    write_result(folder, {"name": device.name, "hash": device.content_hash})
    content = json.loads(nas("show", str(folder), "--json").out)
    assert content["device"] == device.name
    assert content["ms"] == device.predict(library.load_arch("mobilenetv3-small")).ms
    text = " ".join(nas("show", str(folder)).out.split())
    ms = device.predict(library.load_arch(folder / "trained.yaml")).ms
    assert f"as trained 10 classes, images of 96 x 96: {ms:.2f}" in text
    assert "caution The device" not in text
    other = json.loads(nas("show", str(folder), "--device", "iphone12-lut", "--json").out)
    assert other["device"] == "iphone12-lut"


@pytest.mark.parametrize(
    ("device", "caution"),
    [
        ({"name": "pixel6-cpu", "hash": "0" * 12}, "pixel6-cpu has changed since this result"),
        ({"name": "gone", "hash": "0" * 12, "path": "gone/device.yaml"}, "gone is missing"),
    ],
)
def test_a_device_that_is_not_what_it_was_is_said(
    nas: Nas, tmp_path: Path, device: dict[str, str], caution: str
) -> None:
    write_result(tmp_path / "mine", device)
    done = nas("show", str(tmp_path / "mine"))
    assert done.code == 0
    assert caution in " ".join(done.out.split())

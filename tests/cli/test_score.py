"""`nas score`: proxies always stand beside sizes."""

from __future__ import annotations

import json

import pytest

from nas.library import load_arch

from .conftest import Nas

SCORE = ("score", "mobilenetv3-small-0.5", "mobilenetv2-0.35", "--on", "cpu", "--side", "32")


def test_table(nas: Nas) -> None:
    done = nas(*SCORE)
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= 80
    for text in (
        "params",
        "macs",
        "naswot",
        "synflow",
        "zico",
        "zen",
        "noise of 32 x 32",
        "higher",
    ):
        assert text in done.out


def test_json_on_images(nas: Nas) -> None:
    done = nas(*SCORE, "--data", "digits", "--zero-cost", "synflow,params", "--json")
    content = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    arch = load_arch("mobilenetv3-small-0.5")
    assert (content[0]["params"], content[0]["macs"]) == (arch.params, arch.macs)
    assert content[0]["images"] == "images of digits"
    assert content[0]["synflow"] != content[1]["synflow"]
    assert "zen" not in content[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--zero-cost", "naswott"), "unknown zero-cost proxy 'naswott'; nearest: naswot"),
        (("--data", "digit"), "nearest: digits"),
    ],
)
def test_bad_input_is_one_message_and_2(nas: Nas, arguments: tuple[str, ...], message: str) -> None:
    done = nas(*SCORE, *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err

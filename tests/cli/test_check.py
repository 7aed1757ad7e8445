"""`nas check` and `nas schema`: one line for each file, and 2 where one is wrong."""

from __future__ import annotations

import json
from pathlib import Path

from nas.files.resources import data_dir, named
from nas.schema import KINDS

from .conftest import Nas

ARCH = data_dir("search_spaces") / "archs" / "mobilenetv2.yaml"


def test_a_file_says_what_it_is(nas: Nas) -> None:
    files = [ARCH, named("space")["repvit"], named("device")["iphone12-lut"]]
    done = nas("check", *map(str, files))
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == f"{ARCH}: arch mobilenetv2, 21 rows, 3,504,872 parameters"
    assert [line.split(": ")[1].split(",")[0] for line in lines[1:]] == [
        "space repvit",
        "device iphone12-lut",
    ]


def test_the_others_are_checked_where_one_is_wrong(nas: Nas, here: Path) -> None:
    wrong = here / "net.yaml"
    wrong.write_text(ARCH.read_text().replace("mv2", "mv3", 1))
    done = nas("check", str(wrong), "no-such.yaml", str(ARCH))
    assert done.code == 2
    assert done.out.startswith(f"{ARCH}: arch")
    unknown, missing = done.err.splitlines()
    assert unknown.startswith(f"nas: {wrong} row 2 (op): unknown op 'mv3'; nearest: mv2")
    assert missing == "nas: no-such.yaml: No such file or directory"


def test_json_holds_every_file(nas: Nas, here: Path) -> None:
    (here / "other.yaml").write_text("colour: red\n")
    done = nas("check", str(ARCH), "other.yaml", "--json")
    assert done.code == 2
    good, bad = json.loads(done.out)
    assert (good["kind"], good["name"], good["error"]) == ("arch", "mobilenetv2", None)
    assert bad["error"].startswith("other.yaml: expected a file of one of the kinds arch, space")


def test_a_schema_is_printed(nas: Nas) -> None:
    done = nas("schema", "space")
    assert json.loads(done.out) == KINDS["space"].schema()


def test_an_unknown_kind_names_the_nearest(nas: Nas) -> None:
    done = nas("schema", "spaces")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("nas: unknown kind of file 'spaces'; nearest: space")

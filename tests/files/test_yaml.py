"""The strict YAML reader: its traps are closed, and nothing makes it explode or hang."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.errors import DocumentError
from nas.files import yaml
from nas.files.text import MAX_BYTES

LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

HOSTILE = {
    "empty": ("", "expected a mapping, found nothing"),
    "null": ("~", "expected a mapping, found nothing"),
    "list": ("[1]", "expected a mapping, found list"),
    "text": ("hello", "expected a mapping, found str"),
    "tab": ("\t", "line 1, column 1: found character '\\t'"),
    "two documents": ("a: 1\n---\nb: 2", "but found another document"),
    "repeated key": ("a: 1\nb: 2\na: 3", "line 3, column 1: key 'a' is repeated"),
    "repeated inner key": ("a: {b: 1, b: 2}", "key 'b' is repeated"),
    "number as key": ("1: 2", "a key must be plain text"),
    "null as key": ("~: 2", "a key must be plain text"),
    "list as key": ("? [a]\n: 2", "a key must be plain text"),
    "python tag": ("a: !!python/object/apply:os.system [ls]", "tags are not allowed"),
    "own tag": ("a: !x 1", "tags are not allowed (!x)"),
    "harmless tag": ("a: !!str 1", "tags are not allowed"),
    "tag of a mapping": ("!!set {a}", "tags are not allowed"),
    "anchor": ("a: &b 1", "line 1, column 4: anchors and aliases are not allowed"),
    "alias": ("a: *b", "anchors and aliases are not allowed"),
    "a billion laughs": (LAUGHS, "anchors and aliases are not allowed"),
    "deep list": ("[" * 100_000, "nested too deeply"),
    "deep mapping": ("{a: " * 5_000, "nested too deeply"),
    "deep block": ("".join(" " * i + "a:\n" for i in range(600)), "nested too deeply"),
    "control code": ("a: \x00", "special characters are not allowed"),
    "no character": ('a: "\\UFFFFFFFF"', "not readable as YAML"),
    "future YAML": ("%YAML 9.9\n---\na: 1", "incompatible YAML document"),
    "huge whole number": ("a: " + "9" * 5_000, "number is too large"),
    "infinite number": ("a: 1e999", "number is too large"),
    "infinity": ("a: [1, -.INF]", "line 1, column 8: expected a finite number, found -.INF"),
    "no number": ("a: .NaN", "line 1, column 4: expected a finite number, found .NaN"),
    "huge hexadecimal": ("a: 0x" + "F" * 17, "number is too large"),
    "truth as key": ("TRUE: 2", "a key must be plain text"),
    "too large": ("a: " + "x" * MAX_BYTES, "larger than 250000 bytes"),
}


@pytest.mark.parametrize(("text", "message"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_gets_one_line_that_names_its_place(text: str, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        yaml.parse(text, "net.yaml")
    assert str(caught.value).startswith("net.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("False", False),
        ("FALSE", False),
        ("1e-3", 0.001),
        ("1.5", 1.5),
        (".5", 0.5),
        ("-2", -2),
        ("007", 7),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("0x10", 16),
        ("0xfF", 255),
        ("0o17", 15),
        ("0o8", "0o8"),
        ("-0x10", "-0x10"),
        ("0b1", "0b1"),
        ("+1", 1),
        ("1e3", 1000.0),
        ("1.", 1.0),
        ("+.5e-1", 0.05),
        ("2001-01-01", "2001-01-01"),
        (".iNF", ".iNF"),
        ("+.nan", "+.nan"),
        ("Null", None),
        ("NULL", None),
        ("nULL", "nULL"),
        ("=", "="),
        ("6x", "6x"),
        ("56x24", "56x24"),
        ("~", None),
        ("null", None),
        ("", None),
        ("'1'", "1"),
        ('"~"', "~"),
    ],
)
def test_plain_scalar_is_read_as_yaml_1_2_has_it(cell: str, value: object) -> None:
    found = yaml.parse(f"a: {cell}", "f")["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("tail", ["", "x"])
@pytest.mark.parametrize(
    "text",
    ["True", "FALSE", "Null", "~", "", "0x10", "0o7", ".inf", "-.INF", ".NaN", "+1", "1e3", "yes"],
)
def test_text_that_looks_like_a_value_is_written_as_text(
    text: str, tail: str, tmp_path: Path
) -> None:
    content = {text + tail or "empty": [text + tail, {"a": text}]}
    yaml.write(tmp_path / "a.yaml", content)
    assert yaml.read(tmp_path / "a.yaml") == content


def test_merge_key_is_an_ordinary_key() -> None:
    assert yaml.parse("<<: {a: 1}", "f") == {"<<": {"a": 1}}


@given(st.text(max_size=200))
def test_any_text_is_a_mapping_or_a_document_error(text: str) -> None:
    _parse_or_refuse(text)


YAML_PARTS = st.sampled_from(
    [*"[]{},:?-&*!|>%@`'\"#~\n \t", "a", "a: ", "- ", "1", "1e3", "\\x", "<<"]
)


@given(st.lists(YAML_PARTS, max_size=40).map("".join))
def test_any_text_of_yaml_marks_is_a_mapping_or_a_document_error(text: str) -> None:
    _parse_or_refuse(text)


def _parse_or_refuse(text: str) -> None:
    try:
        assert isinstance(yaml.parse(text, "f"), dict)
    except DocumentError as error:
        assert "\n" not in str(error)


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["a, ", "- ", "[{", "? ", "x ", "#\n", "k: 1\n", "\\x41", "\n"])
def test_no_file_of_the_permitted_size_takes_long(unit: str) -> None:
    for text in (f"a: [{unit}", f'a: "{unit}', unit):
        start = time.process_time()
        _parse_or_refuse((text + unit * MAX_BYTES)[:MAX_BYTES])
        assert time.process_time() - start < 20  # about 3 s where this was written


def test_missing_file_is_a_document_error(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"net\.yaml: No such file"):
        yaml.read(tmp_path / "net.yaml")


def test_folder_is_a_document_error(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="Is a directory"):
        yaml.read(tmp_path)


def test_text_in_another_encoding_is_a_document_error(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_bytes("name: é".encode("latin-1"))
    with pytest.raises(DocumentError, match="not UTF-8 text at byte 6"):
        yaml.read(path)


def test_file_without_end_is_a_document_error() -> None:
    with pytest.raises(DocumentError, match="larger than"):
        yaml.read(Path("/dev/zero"))


def test_large_file_is_a_document_error(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_bytes(b"a" * 10_000_000)
    with pytest.raises(DocumentError, match="larger than"):
        yaml.read(path)


def test_missing_and_unknown_keys_are_named_with_the_nearest() -> None:
    with pytest.raises(DocumentError, match="unknown key 'nmae'; nearest: name"):
        yaml.check_keys({"nmae": 1}, "f", required={"name"})
    with pytest.raises(DocumentError, match="key 'name' is missing"):
        yaml.check_keys({}, "f", required={"name"})


def test_what_is_written_reads_back_with_keys_in_order_and_nothing_aliased(tmp_path: Path) -> None:
    path, sides, hexadecimal = tmp_path / "made.yaml", (224, 224), "12345678e901"
    yaml.write(path, {"z": sides, "a": [sides, {"µ": hexadecimal, "no": None}]})
    again = yaml.read(path)
    assert again == {"z": [224, 224], "a": [[224, 224], {"µ": hexadecimal, "no": None}]}
    assert list(again) == ["z", "a"]
    assert "µ" in path.read_text(encoding="utf-8")


@given(
    st.dictionaries(st.text("ab", min_size=1), st.text(st.sampled_from("0123456789.:e+-~noy#' ")))
)
def test_text_stays_text(content: dict[str, str]) -> None:
    with TemporaryDirectory() as folder:
        yaml.write(Path(folder) / "made.yaml", content)
        assert yaml.read(Path(folder) / "made.yaml") == content

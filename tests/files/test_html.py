"""Tables for notebooks: everything is escaped, and nothing has a colour."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

from nas.files.html import facts, table


def test_words_stand_left_numbers_right_and_what_is_missing_is_a_dash() -> None:
    found = fromstring(table(["name"], ["ms"], [["a<b", "1.0"], ["c", None]], title="x & y"))
    assert [cell.text for cell in found.iter("td")] == ["a<b", "1.0", "c", "-"]
    assert [cell.get("style") for cell in found.iter("th")] == [
        "text-align:left",
        "text-align:right",
    ]
    assert found.findtext("caption/b") == "x & y"


def test_no_facts_are_no_table() -> None:
    assert facts([]) == ""
    assert [cell.text for cell in fromstring(facts([("k", "v")])).iter("td")] == ["k", "v"]


def test_colours_are_those_of_the_page() -> None:
    assert "color" not in table(["a"], ["b"], [["1", "2"]]) + facts([("a", "b")], title="c")

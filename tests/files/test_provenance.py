"""What is noted of a result repeats it."""

from __future__ import annotations

import shlex

from nas.files.provenance import provenance


def test_the_command_can_be_pasted_in_a_shell() -> None:
    words = ["nas", "train", "mobilenetv2", "--data", "my images"]
    assert shlex.split(provenance(words)["command"]) == words

"""What is noted of a result: how to make it again, and with what it was made."""

from __future__ import annotations

from importlib.metadata import version

from nas import __version__
from nas.files.provenance import provenance


def test_the_command_can_be_pasted_in_a_shell() -> None:
    noted = provenance(["nas", "train", "mobilenetv2", "--data", "my images; $HOME"])
    assert noted["command"] == "nas train mobilenetv2 --data 'my images; $HOME'"


def test_packages_that_are_there_are_noted_with_their_versions() -> None:
    versions = provenance(["nas"], "numpy", "no-such-package")["versions"]
    assert set(versions) == {"nas", "python", "numpy"}
    assert (versions["nas"], versions["numpy"]) == (__version__, version("numpy"))

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings

import pytest

from nas.system.capture import capture_output


def test_nothing_of_what_others_print_is_seen(capfd: pytest.CaptureFixture[str]) -> None:
    with capture_output() as said:
        sys.stdout.write("python\n")
        os.write(2, b"native\n")
        subprocess.run([sys.executable, "-c", "print('child')"], check=True)
        warnings.warn("warned", UserWarning, stacklevel=1)
        logging.getLogger("other").error("logged")
        said.seek(0)
        assert "native" in said.read()
    os.write(1, b"after\n")
    assert capfd.readouterr() == ("after\n", "")


def test_the_terminal_comes_back_after_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), capture_output():
        raise ZeroDivisionError
    os.write(2, b"after\n")
    assert capfd.readouterr() == ("", "after\n")

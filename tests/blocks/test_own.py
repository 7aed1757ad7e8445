"""Blocks of the user's own: registered in Python, or from a file that is named."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nas.blocks import BLOCKS, Row, load_blocks, own, register
from nas.errors import BlockError, UnknownNameError
from nas.graph.graph import GraphBuilder, Value
from nas.space.arch import Arch

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
TABLE = """
name: ghostly
source: "a test"
input: [3, 32, 32]
columns: [op, k, exp, out, s]
rows:
  - [conv,   3, ~,  16, 2]
  - [ghost,  3, 48, 24, 2]
  - [pool,   ~, ~,  ~,  ~]
  - [linear, ~, ~,  10, ~]
"""
PLAIN = '''
from dataclasses import dataclass
from nas.blocks import Row, register

@register
@dataclass(frozen=True, slots=True)
class Plain(Row, op="{op}"):
    """A convolution."""

    k: int = 3

    def lower(self, g, x):
        return g.conv(x, x.c, k=self.k)
'''


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Blocks and the variable as they were."""
    monkeypatch.setenv(own.VARIABLE, "")
    before = dict(BLOCKS)
    yield
    BLOCKS.clear()
    BLOCKS.update(before)


def run(*args: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args],
        cwd=cwd,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def ghostly(tmp_path: Path) -> Path:
    """A folder with a table of an own block, and the block's file."""
    (tmp_path / "ghostly.yaml").write_text(TABLE, encoding="utf-8")
    text = (EXAMPLES / "ghost.py").read_text(encoding="utf-8")
    (tmp_path / "ghost.py").write_text(text, encoding="utf-8")
    return tmp_path


def test_the_example_is_the_class_of_its_page() -> None:
    page = (EXAMPLES.parent / "own-block.md").read_text(encoding="utf-8")
    shown = page.partition("```python\n")[2].partition("```")[0]
    assert (EXAMPLES / "ghost.py").read_text(encoding="utf-8").partition("\n\n")[2] == shown
    space = page.partition('Space.from_yaml("""\n')[2].partition('"""')[0]
    assert (EXAMPLES / "ghosts.yaml").read_text(encoding="utf-8") == space


@pytest.mark.parametrize("before", [True, False])
def test_a_command_knows_the_blocks_of_a_file_that_is_named(ghostly: Path, before: bool) -> None:
    named, check = ["--blocks", "ghost.py"], ["check", "ghostly.yaml"]
    words = [*named, *check] if before else [*check, *named]
    done = run("-m", "nas", *words, cwd=ghostly)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ghostly.yaml: arch ghostly, 4 rows, ")
    unnamed = run("-m", "nas", *check, cwd=ghostly)
    assert unnamed.returncode == 2
    assert "unknown op 'ghost'; nearest: " in unnamed.stderr
    assert unnamed.stderr.endswith("; one of your own needs --blocks FILE.py\n")


def test_the_variable_names_files_to_python_and_its_processes(ghostly: Path) -> None:
    (ghostly / "work.py").write_text(
        "import sys\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from multiprocessing import get_context\n"
        "import nas\n"
        "def count(rows):\n"
        "    return len({type(row).op for row in rows})\n"
        "if __name__ == '__main__':\n"
        "    arch = nas.load_arch('ghostly.yaml')\n"
        "    with ProcessPoolExecutor(1, get_context('spawn')) as pool:\n"
        "        sys.stdout.write(str(pool.submit(count, [*arch.rows]).result()))\n",
        encoding="utf-8",
    )
    done = run("work.py", cwd=ghostly, NAS_BLOCKS=str(ghostly / "ghost.py"))
    assert (done.returncode, done.stdout) == (0, "4"), done.stderr


def test_a_file_is_executed_once_and_passed_on(ghostly: Path) -> None:
    for _ in range(2):
        load_blocks([ghostly / "ghost.py"])
    assert own.files_in_environment() == [ghostly / "ghost.py"]
    assert Arch.from_yaml(TABLE).rows[1].op == "ghost"
    assert BLOCKS["ghost"].__module__.startswith("nas.blocks.ghost_")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("no.py", None, "no.py: expected a Python file that registers blocks, found no such file"),
        ("text.txt", "ghost", "text.txt: expected a Python file .*, found another file"),
        ("syntax.py", "class Ghost(", "syntax.py: SyntaxError: '\\(' was never closed"),
        ("raises.py", "1 / 0", "raises.py: ZeroDivisionError: division by zero"),
        ("empty.py", "", "empty.py registers no block: put @register above its class"),
        ("taken.py", PLAIN.format(op="conv"), "Plain: op 'conv' is that of nas.blocks.conv.Conv"),
        ("column.py", PLAIN.format(op="p").replace("k:", "q:"), "block 'p': unknown column 'q'"),
        ("headless.py", PLAIN.replace(', op="{op}"', ""), "Plain: expected an op, as in class"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, name: str, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    before = dict(BLOCKS)
    with pytest.raises((BlockError, UnknownNameError), match=message):
        load_blocks([tmp_path / name])
    assert before == BLOCKS
    assert not own.files_in_environment()


def test_two_files_cannot_have_one_op_but_a_session_may_define_it_anew(tmp_path: Path) -> None:
    files = [tmp_path / "a.py", tmp_path / "b.py"]
    for file in files:
        file.write_text(PLAIN.format(op="plain"), encoding="utf-8")

    def define(default: int) -> type[Row]:
        @register
        @dataclass(frozen=True, slots=True)
        class Plain(Row, op="plain"):
            k: int = default

            def lower(self, g: GraphBuilder, x: Value) -> Value:
                return g.conv(x, x.c, k=self.k)

        return Plain

    assert define(3) is not define(5)
    assert BLOCKS["plain"]().k == 5  # type: ignore[attr-defined]
    with pytest.raises(BlockError, match="op 'plain' is that of nas.blocks.a_"):
        load_blocks(files)

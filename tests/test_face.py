"""`import nas`: every public name, loaded when first used."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

import nas
from nas.errors import UnknownNameError


def test_every_public_name_is_there_and_documented() -> None:
    for name in nas.__all__:
        found = getattr(nas, name)
        assert not isinstance(found, ModuleType), name
        assert name == "__version__" or found.__doc__, name
        assert name in dir(nas)


def test_only_public_names_are_listed() -> None:
    assert dir(nas) == sorted(nas.__all__)
    assert {*nas._MODULES} == {*nas.__all__} - {"__version__"}


def test_importing_a_package_hides_no_public_function() -> None:
    for path in Path(nas.__file__).parent.iterdir():
        assert path.stem not in nas._MODULES, "a package and a function of one name"


def test_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'nas' has no attribute 'lode_arch'"):
        _ = nas.lode_arch


def test_architecture_is_loaded_by_name_and_counted() -> None:
    arch = nas.load_arch("mobilenetv3-large")
    assert (arch.params, arch.macs) == (5_483_032, 216_589_760)


@pytest.mark.parametrize(
    "load", [nas.load_arch, nas.load_device, nas.load_space, nas.load_surrogate]
)
def test_unknown_name_lists_what_there_is(load: object) -> None:
    assert callable(load)
    with pytest.raises(UnknownNameError, match="unknown .* 'no-such-thing'; (nearest|valid): "):
        load("no-such-thing")

"""The store: what every space must keep to."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nas.errors import SpaceError
from nas.modules import build
from nas.modules.layers import assemble
from nas.space.arch import Arch
from nas.space.space import Space
from nas.supernet.store import WeightStore

POINTS = 2


def points(space: Space) -> list[Arch]:
    return [space.sample(np.random.default_rng(seed)) for seed in range(POINTS)]


def test_a_network_runs_on_slices_as_its_own_module_does(shipped: Space) -> None:
    store = WeightStore(shipped)
    for arch in points(shipped):
        weights = store.weights(store.slices(arch))
        module = build(arch)
        own = {name: tensor.shape for name, tensor in module.named_parameters()}
        assert {name: tensor.shape for name, tensor in weights.items()} == own
        images = torch.randn(2, *arch.input)
        with torch.no_grad():
            shared = torch.func.functional_call(assemble(arch.graph), weights, images)
            module.load_state_dict(weights, strict=False)
            torch.testing.assert_close(module(images), shared, atol=1e-5, rtol=1e-5)


def test_a_code_names_the_same_slices_as_its_network(mixed: Space) -> None:
    store = WeightStore(mixed)
    for code in mixed.layered.sample(20, np.random.default_rng(0)):
        arch = mixed.decode(code)
        assert store.slices(arch, tuple(map(int, code))) == store.slices(arch)


def test_slices_start_at_the_first_channel_and_the_centre_of_the_kernel(mixed: Space) -> None:
    store = WeightStore(mixed)
    for arch in points(mixed):
        for own in store.slices(arch).values():
            sizes = store.shared[own.key].sizes
            kernel = store.shared[own.key].layout.kernel
            for axis, (part, size) in enumerate(zip(own.at, sizes, strict=True)):
                if axis < len(sizes) - kernel:
                    assert part.start == 0 and part.stop <= size
                else:
                    assert part.start == size - part.stop


def test_the_seed_alone_decides_the_weights(mixed: Space) -> None:
    a, b, other = WeightStore(mixed, 1), WeightStore(mixed, 1), WeightStore(mixed, 2)
    keys = sorted(a.shared)
    for key in keys:
        a.tensor(key)
    for key in reversed(keys):  # whichever is needed first
        assert torch.equal(a.tensor(key), b.tensor(key))
    assert any(not torch.equal(a.tensor(key), other.tensor(key)) for key in keys)
    assert sum(tensor.numel() for tensor in a.tensors.values()) == a.n_weights


def test_a_network_outside_is_refused(mixed: Space) -> None:
    text = "name: t\nsource: s\ninput: [3, 32, 32]\ncolumns: [op, out]\nrows:\n"
    arch = Arch.from_yaml(text + "  - [pool, ~]\n  - [linear, 10]\n")
    with pytest.raises(SpaceError, match="not a point of mixed"):
        WeightStore(mixed).slices(arch)

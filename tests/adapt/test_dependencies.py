"""Coupled channels: pruned networks run, and compute the same as before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas.adapt.dependencies import DependencyGraph, Mask
from nas.adapt.prune import embedded, pruned, scores
from nas.adapt.width_changes import width_changes, with_rows
from nas.adapt.width_groups import WidthGroup, width_groups
from nas.errors import ArchError
from nas.graph.graph import Graph, GraphBuilder
from nas.library import load_arch, load_device
from nas.modules import build
from nas.modules.layers import assemble
from nas.space.arch import Arch

Small = Callable[[str], Arch]
Cut = tuple[WidthGroup, Arch, Mask]


def cuts(arch: Arch, channels: DependencyGraph, worth: np.ndarray, most: int) -> Iterator[Cut]:
    """Random valid widths of some width groups."""
    rng, device, groups = np.random.default_rng(1), load_device("iphone12-lut"), width_groups(arch)
    for index in rng.permutation(len(groups))[:most]:
        group = groups[index]
        changes = list(width_changes(arch, device, 8, of=[group]))
        for choice in rng.permutation(len(changes)):
            with suppress(ArchError):
                made = with_rows(arch, changes[choice].rows)
                yield group, made, channels.keep_mask(made.graph, worth)
                break


@torch.no_grad()
def lively(arch: Arch) -> nn.Module:
    """A module in which every weight, statistic and layer scale has an effect."""
    torch.manual_seed(0)
    module = build(arch).eval()
    for name, tensor in module.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
        elif name.endswith(("running_mean", "bias")):
            tensor.normal_(std=0.1)
        elif name.endswith("gamma"):
            tensor.uniform_(0.5, 1)
    return module


def loaded(arch: Arch, state: dict[str, Tensor]) -> nn.Module:
    module = assemble(arch.graph).to(next(iter(state.values())).dtype)
    module.load_state_dict(state)
    return module.eval()


@torch.no_grad()
def test_a_cut_network_is_the_one_of_its_table(family: Arch) -> None:
    module, channels = build(family), DependencyGraph.of(family.graph)
    images = torch.randn(2, *family.input)
    found = list(cuts(family, channels, scores(channels, module), 3))
    assert found
    for _, made, kept in found:
        cut = loaded(made, pruned(channels, module.state_dict(), kept))
        assert sum(p.numel() for p in cut.parameters()) == made.params
        assert cut(images).shape == (2, 10)
        assert torch.isfinite(cut(images)).all()


def statistics_of(channels: DependencyGraph, gone: Mask) -> bool:
    """Whether norms or standardised weights see removed channels, which change their mean."""
    for axes in channels.axes:
        op = channels.graph.ops[axes.op]
        if op.kind in ("layer_norm", "group_norm"):
            labels = axes.tensors["weight"][0]
        elif op.attrs.get("standard"):
            labels = axes.tensors["weight"][1]
        else:
            continue
        assert labels is not None
        if gone[channels.coupled[labels[labels >= 0]]].any():
            return True
    return False


@torch.no_grad()
def test_channels_without_weights_can_go(family: Arch) -> None:
    channels, images = DependencyGraph.of(family.graph), torch.randn(2, *family.input).double()
    whole, checked = lively(family).double(), 0  # sums in another order are no excuse
    for _, made, kept in cuts(family, channels, np.arange(channels.n_coupled, dtype=float), 8):
        if statistics_of(channels, ~kept):
            continue
        module = deepcopy(whole)
        silence(module, channels, kept)
        cut = loaded(made, pruned(channels, module.state_dict(), kept))
        logits = module(images)
        assert (cut(images) - logits).abs().max() < 1e-5 * max(1.0, float(logits.abs().max()))
        checked += 1
        if checked == 3:
            break
    assert checked or family.name.startswith(("vit", "swin", "transnext"))


def silence(module: nn.Module, channels: DependencyGraph, kept: Mask) -> None:
    """Set every weight that makes a removed channel to zero."""
    state = module.state_dict()
    for name, axes in channels.axis_masks(kept).items():
        if name not in state or name.endswith("running_var"):
            continue
        mask = axes[0]
        assert mask is not None
        if mask.ndim > 1:
            state[name].masked_fill_(torch.from_numpy(~mask), 0)
        else:
            state[name][torch.from_numpy(~mask)] = 0


def test_each_slice_of_the_channels_keeps_a_number_of_its_own() -> None:
    """The best scores are all in the second part; the first still keeps its share."""

    def parts(first: int, rest: int) -> Graph:
        g = GraphBuilder((3, 8, 8))
        h = g.conv(g.input, first + rest, name="all")
        a = g.add("slice", (h,), "first", start=0, size=first, dim=0)
        b = g.add("slice", (h,), "rest", start=first, size=rest, dim=0)
        g.conv(g.add("concat", (g.conv(a, 2, name="of_first"), b), "concat"), 2, name="last")
        return g.graph()

    channels = DependencyGraph.of(parts(4, 8))
    kept = channels.keep_mask(parts(3, 5), np.arange(channels.n_coupled, dtype=float))
    (mask, _) = channels.axis_masks(kept)["all.conv.weight"]
    assert mask is not None
    assert mask.tolist() == [False, *[True] * 3, *[False] * 3, *[True] * 5]


def test_slices_that_overlap_keep_their_own_numbers() -> None:
    """Thirds of the channels, then halves: what a third and a half share has a number, too."""

    def sliced(width: int) -> Graph:
        g = GraphBuilder((3, 8, 8))
        h = g.conv(g.input, width, name="all")
        for parts in (3, 2):
            sizes = [width - width // parts * (parts - 1), *[width // parts] * (parts - 1)]
            starts = [sum(sizes[:number]) for number in range(parts)]
            slices = [
                g.add("slice", (h,), f"part{n}of{parts}", start=start, size=size, dim=0)
                for n, (start, size) in enumerate(zip(starts, sizes, strict=True))
            ]
            h = g.add("concat", tuple(slices), f"concat{parts}")
        g.conv(h, 2, name="last")
        return g.graph()

    channels = DependencyGraph.of(sliced(12))
    kept = channels.keep_mask(sliced(10), -np.arange(channels.n_coupled, dtype=float))
    (mask, _) = channels.axis_masks(kept)["all.conv.weight"]
    assert mask is not None
    assert np.flatnonzero(mask).tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]


def test_each_part_of_a_sum_keeps_a_number_of_its_own() -> None:
    """A convolution is added to two narrower ones; all of the best scores are in the second."""

    def added(width: int) -> Graph:
        g = GraphBuilder((3, 8, 8))
        whole = g.conv(g.input, width, name="whole")
        halves = tuple(g.conv(g.input, width // 2, name=name) for name in ("first", "second"))
        h = g.add("add", (whole, g.add("concat", halves, "concat")), "sum")
        g.conv(h, 2, name="last")
        return g.graph()

    channels = DependencyGraph.of(added(8))
    kept = channels.keep_mask(added(6), np.arange(channels.n_coupled, dtype=float))
    (mask, _) = channels.axis_masks(kept)["whole.conv.weight"]
    assert mask is not None
    assert mask.tolist() == [False, *[True] * 3] * 2


@torch.no_grad()
@pytest.mark.parametrize("name", ["mobilenetv3-small", "repvit-m0.9", "efficientnet-b0"])
def test_a_grown_network_computes_what_it_did(name: str, small: Small) -> None:
    arch = small(name)
    module, images = lively(arch), torch.randn(2, *arch.input)
    device = load_device("iphone12-lut")
    for number, change in enumerate(width_changes(arch, device, 8, grow=True)):
        if number % 80:
            continue
        made = with_rows(arch, change.rows)
        wide = DependencyGraph.of(made.graph)
        kept = wide.keep_mask(arch.graph, -np.arange(wide.n_coupled, dtype=float))
        state = embedded(wide, build(made).state_dict(), module.state_dict(), kept)
        grown = loaded(made, state)(images)
        torch.testing.assert_close(grown, module(images), rtol=1e-4, atol=1e-4)


def test_tables_of_all_families_are_followed(representative: Arch) -> None:
    channels = DependencyGraph.of(representative.graph)
    assert len(channels.frozen) == representative.graph.shape[0]
    assert channels.groups


def test_heads_are_whole() -> None:
    channels = DependencyGraph.of(load_arch("mobilevit-xxs").graph)
    ops = channels.graph.ops
    heads = [g for g in channels.groups if ops[g.layers[0]].name.endswith("qkv.linear")]
    assert heads
    assert {len(group.coupled) for group in heads} == {4}

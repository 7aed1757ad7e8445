"""A trace held against two counts that are not ours: the module's parameters, and PyTorch's MACs.

`torch.utils.flop_counter.FlopCounterMode` counts the same forward pass, run by itself on tensors
without values. By rule it differs from ours in three ways: it counts products of weights alone,
which we compute once; it has no formula for some calls, such as an LSTM; and it looks into calls
that a trace leaves unknown. Whatever else differs is listed, and may be a mistake of the trace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from nas.errors import brief, first_line
from nas.graph.ops import Op, op_macs
from nas.modules.tracing.aten import CREATED, OPAQUE
from nas.modules.tracing.capture import Program, evaluating
from nas.modules.tracing.multiply import COUNTS, MULTIPLY, torch_counter, torch_macs
from nas.modules.tracing.nodes import call_name, rule_of, value, written
from nas.modules.tracing.trace import CountCheck

MOST_CALLS = 3
"""Calls that a difference names."""


def check_macs(
    module: nn.Module, inputs: tuple[torch.Tensor, ...], program: Program, ops: Sequence[Op]
) -> CountCheck:
    """Compare the MACs of a trace with those that PyTorch's counter finds in the module.

    `ops` were traced from the calls of `program`, and have their names.
    """
    try:
        theirs = _eager_macs(module, inputs)
    except Exception as error:  # the user's code may do anything with a tensor without values
        return CountCheck(
            differences=(f"PyTorch's counter cannot run it: {brief(first_line(error))}",)
        )
    rest = sum(op_macs(op) for op in ops) - theirs
    if rest == 0:
        return CountCheck(torch_macs=theirs)
    rules: Counter[str] = Counter()
    calls = []
    for name, rule, mine, counted in _calls(program, {op.name: op for op in ops}):
        rest -= mine - counted
        if rule:
            rules[rule] += mine - counted
        elif mine != counted:
            calls.append(f"{name}: {mine:,} MACs, PyTorch counts {counted:,}")
    if rest != 0:
        calls.append(f"{-rest:,} MACs that PyTorch counts and the trace does not hold")
    more = [f"and {n} more calls"] if (n := len(calls) - MOST_CALLS) > 0 else []
    by_rule = tuple(f"{rule}: {macs:+,} MACs" for rule, macs in rules.items() if macs)
    return CountCheck((), theirs, by_rule, (*calls[:MOST_CALLS], *more))


def _eager_macs(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> int:
    """MACs of one forward pass, without values."""
    tensors = [*module.parameters(), *module.buffers(), *inputs]
    fake = next((tensor for tensor in tensors if isinstance(tensor, FakeTensor)), None)
    mode = FakeTensorMode(allow_non_fake_inputs=True) if fake is None else fake.fake_mode
    with mode, evaluating(module), _frozen(module), torch_counter() as counter:
        module(*(torch.empty_like(tensor) for tensor in inputs))
    return int(counter.get_total_flops()) // 2


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """The counter hooks itself to whatever wants a gradient, which fails where none is made."""
    wanted = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in wanted:
        parameter.requires_grad = False
    try:
        yield
    finally:
        for parameter in wanted:
            parameter.requires_grad = True


def _calls(program: Program, ops: dict[str, Op]) -> Iterator[tuple[str, str, int, int]]:
    """Every call that may multiply, the rule it differs by, our MACs and PyTorch's."""
    moving = _moving(program)
    for node in program.graph.nodes:
        kind, op = rule_of(node).kind, ops.get(node.name)
        if node.op != "call_function" or kind not in (*MULTIPLY, "attention", OPAQUE):
            continue
        rule = "" if op or node in moving else "products of weights alone are computed once"
        if kind == OPAQUE or call_name(node) in COUNTS or written(node):  # addmm_ is another call
            rule = f"{call_name(node)} has a formula in one of the counters only"
        counted = 0
        with suppress(*([Exception] if kind == OPAQUE else [])):  # it may be anybody's
            counted = torch_macs(node)
        yield node.name, rule, op_macs(op) if op else 0, counted


def _moving(program: Program) -> set[Any]:
    """Nodes that depend on the input, told by the memory they share and not by a trace's rules."""
    found: set[Any] = set()
    memory: set[int] = set()
    for node in program.graph.nodes:
        shared = _storage(node)
        reads = any(n in found or _storage(n) in memory for n in node.all_input_nodes)
        if node.name in program.images or (reads and rule_of(node).kind != CREATED):
            found.add(node)
            memory |= {shared, *map(_storage, written(node))} - {0}
    return found


def _storage(node: Any) -> int:
    """What memory a node's value is in; 0 where it is no tensor."""
    tensor = value(node)
    return 0 if tensor is None else tensor.untyped_storage()._cdata

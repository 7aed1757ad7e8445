"""JSON Schemas and strict loaders of the YAML files that people write, one file per format.

A schema sees no other file and computes no shape, so it accepts more than the loader. The loader
refuses whatever the schema refuses.
"""

from __future__ import annotations

from nas.schema import device, recipe, sweep, table
from nas.schema.kind import Kind

_KINDS = (table.ARCH, table.SPACE, device.DEVICE, recipe.RECIPE, sweep.SWEEP)

#: name -> kind of file
KINDS: dict[str, Kind] = {kind.name: kind for kind in _KINDS}
if len(KINDS) != len(_KINDS):
    raise RuntimeError("two kinds of files share one name")

__all__ = ["KINDS", "Kind"]

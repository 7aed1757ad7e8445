"""JSON Schemas and strict loaders of the YAML files that people write.

A schema sees no other file and computes no shape, so it accepts more than the loader. The loader
refuses whatever the schema refuses.
"""

from __future__ import annotations

from nas.schema.document import DEVICE, RECIPE, SWEEP
from nas.schema.kind import Kind
from nas.schema.table import ARCH, SPACE

#: name -> kind of file
KINDS: dict[str, Kind] = {kind.name: kind for kind in (ARCH, SPACE, DEVICE, RECIPE, SWEEP)}

__all__ = ["KINDS", "Kind"]

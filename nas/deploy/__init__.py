"""Networks for a runtime: exported files, the runtimes that execute them, and a linter."""

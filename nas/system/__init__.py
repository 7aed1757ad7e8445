"""The machine: processes, cores, captured output, optional packages."""

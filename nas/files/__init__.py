"""Files that people and programs read and write: strict YAML, records, CSV, staged folders."""

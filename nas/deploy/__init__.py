"""Deployment: export to file formats, and runtimes that execute the files."""

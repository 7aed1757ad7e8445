"""Plots of results as PNG and SVG files, drawn with matplotlib."""

"""Networks drawn as SVG."""

"""Write results as tables, plots, pages and folders, read folders back, and draw networks."""

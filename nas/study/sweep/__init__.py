"""Many searches with training as one run: what is asked, who works on what, and what came out."""

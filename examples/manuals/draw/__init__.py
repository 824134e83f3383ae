"""Draws the sample manuals of visual_rag: invented machines, real layouts. Run `python -m examples.manuals.draw`."""

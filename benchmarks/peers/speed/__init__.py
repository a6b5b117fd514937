"""Footnote's speed, memory and disk against those of its peers, and how they grow with the corpus."""

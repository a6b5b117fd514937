"""How the reader was trained: data, training, and the fit of the small model on top. Run by hand."""

"""Articles in a folder become a searchable index: read, chunk, embed, index, commit."""

__version__ = "0.1.0"

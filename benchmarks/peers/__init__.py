"""Footnote's retrieval against LangChain, LlamaIndex, Haystack and txtai."""

"""The optional language model: `completions` asks it, `writer` makes sentences of its reply, and `grounding`, with
`quantities`, holds each of them against the sentences it cites.
"""

from qa.writing.writer import OpenAIWriter, Writer, Written, WrittenSentence

__all__ = ["OpenAIWriter", "Writer", "Written", "WrittenSentence"]

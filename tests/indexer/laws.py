"""What holds of every article, whatever file it was made of."""

import unicodedata

from indexer.articles import Article
from indexer.errors import UnreadableFileError
from indexer.formats import read_article

REASONS = {"empty", "binary", "encoding", "no_text", "malformed"}


def outcome(article_id: str, data: bytes) -> Article | str:
    """The article of a file, or the reason why there is none."""
    try:
        return read_article(article_id, data)
    except UnreadableFileError as error:
        return error.reason


def assert_whole(article: Article) -> None:
    """Its text is clean and its blocks are all there is of it, in order."""
    assert unicodedata.is_normalized("NFC", article.text)
    assert not any(c in article.text for c in "\r\x00\ufeff\u2028\u202e")
    article.text.encode()
    assert article.title
    end = 0
    for block in article.blocks:
        assert end <= block.start < block.end
        assert article.text[end : block.start].strip() == ""
        assert article.quote(block.start, block.end).strip() == article.quote(block.start, block.end)
        end = block.end
    assert article.text[end:].strip() == ""
    assert {"title", "language"} <= article.provenance.keys()
    assert any(block.kind == "paragraph" for block in article.blocks)

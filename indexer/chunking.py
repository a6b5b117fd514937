"""Article → Passages: whole sentences, a target length, one sentence of overlap, never across a heading."""

from collections.abc import Iterator, Sequence

from indexer.articles import Article, Passage, Sentence, make_passage
from indexer.language import split_sentences

CHUNKER = "sentences/2"

# Writing without spaces (Japanese, Chinese, a long URL) counts one word for so many characters.
_CHARS_PER_WORD = 12
_MOST_OVERFULL = 1.5


def sentences_of(article: Article) -> list[Sentence]:
    """Return the sentences of the body, in order: headings and clutter are never quoted."""
    return [sentence for _, section in _sections(article) for sentence in section]


def chunk(article: Article, *, words: int = 110) -> list[Passage]:
    """Cut an article into passages of about `words` words, in order.

    A passage never holds more than one and a half times `words`, unless one sentence alone is longer.
    """
    return [
        make_passage(article, run, heading=heading)
        for heading, section in _sections(article)
        for run in _runs([(sentence, _length(article, sentence)) for sentence in section], words)
    ]


def embedded_text(article: Article, passage: Passage) -> str:
    """Return what the embedder and the lexical index see of a passage: title, heading, sentences."""
    lines = [article.title]
    if passage.heading and passage.heading != article.title:
        lines.append(passage.heading)
    lines.append(" ".join(article.quote(s.start, s.end) for s in passage.sentences))
    return "\n".join(lines)


def sentence_spans(passage: Passage, text: str) -> list[tuple[int, int]]:
    """Return where the sentences of a passage stand in its embedded text: they end it, one space apart."""
    lengths = [sentence.end - sentence.start for sentence in passage.sentences]
    starts = [len(text) - sum(lengths[number:]) - (len(lengths) - 1 - number) for number in range(len(lengths))]
    return [(start, start + length) for start, length in zip(starts, lengths, strict=True)]


def _sections(article: Article) -> Iterator[tuple[str, list[Sentence]]]:
    """Yield the text of each heading (none: "") with the sentences below it."""
    heading, section = "", list[Sentence]()
    for block in article.blocks:
        text = article.quote(block.start, block.end)
        if block.kind == "heading":
            if section:
                yield heading, section
            heading, section = " ".join(text.split()), []
        elif block.kind == "paragraph":
            spans = split_sentences(text, article.language)
            section.extend(Sentence(block.start + start, block.start + end) for start, end in spans)
    if section:
        yield heading, section


def _length(article: Article, sentence: Sentence) -> int:
    text = article.quote(sentence.start, sentence.end)
    return max(len(text.split()), len(text) // _CHARS_PER_WORD, 1)


def _runs(section: Sequence[tuple[Sentence, int]], words: int) -> Iterator[list[Sentence]]:
    """Fill runs up to `words`; each next run opens with the last sentence of the one before, if there is room."""
    run: list[Sentence] = []
    total = last = 0
    for sentence, length in section:
        # One sentence alone is closed only when the next cannot join it: the next run would repeat it whole.
        most = words if len(run) > 1 else words * _MOST_OVERFULL
        if run and total + length > most:
            yield run
            has_room = last + length <= words * _MOST_OVERFULL
            run, total = ([run[-1]], last) if has_room else ([], 0)
        run.append(sentence)
        total += length
        last = length
    if run:
        yield run

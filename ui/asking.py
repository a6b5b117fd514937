"""`footnote ask`, `footnote eval` and `footnote articles`: what the index answers and holds.

Whatever is slow to load is imported inside the command that needs it, so that `--help` is not slow.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.errors import UsageError
from indexer.settings import Settings, load_settings
from ui import terminal
from ui.options import DAY, IndexOption, JsonOption, filters_of, open_answerer, open_generation

if TYPE_CHECKING:
    pass


def ask(
    question: Annotated[str, typer.Argument(help="The question, in quotation marks.")],
    index_folder: IndexOption = None,
    after: Annotated[
        list[str] | None, typer.Option(metavar="QUESTION", help="Asked before it, for a follow-up; repeatable.")
    ] = None,
    published_from: Annotated[datetime | None, typer.Option("--from", help="Published then or later.", **DAY)] = None,
    published_to: Annotated[datetime | None, typer.Option("--to", help="Published then or before.", **DAY)] = None,
    as_of: Annotated[
        datetime | None, typer.Option(help="Answer as on that day: without what was published later.", **DAY)
    ] = None,
    source: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only from this source; repeatable.")] = None,
    language: Annotated[list[str] | None, typer.Option(metavar="CODE", help="Only in en or ko; repeatable.")] = None,
    collection: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only from this folder of the corpus; repeatable.")
    ] = None,
    top_k: Annotated[int, typer.Option(min=1, max=50, help="How many passages --json lists.")] = 10,
    generate: Annotated[bool, typer.Option("--generate", help="Also have the language model word it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Ask a question: prints quotations and where each stands, or that the articles don't say."""
    settings = load_settings({"index": index_folder})
    earlier = after or []
    _check_questions([question, *earlier], settings)
    if generate and settings.writer_base_url is None:
        from qa.problems import NoWriterError

        raise NoWriterError("No language model is configured.", advice="Set `writer_base_url` and `writer_model`.")
    day = as_of.date() if as_of else None
    filters = filters_of(published_from, published_to, day, source or [], language or [], collection or [])
    from qa.followups import Turn

    turns = [Turn(text) for text in earlier]
    answerer = open_answerer(settings)
    answer = answerer.answer(question, turns=turns, filters=filters, as_of=day, top_k=top_k, generate=generate)
    if as_json:
        from qa.schemas import AnswerBody

        terminal.write_json(AnswerBody.of(answer).model_dump(mode="json"))
    else:
        from ui.reports import show_answer

        show_answer(answer)


def _check_questions(questions: list[str], settings: Settings) -> None:
    if any(not text.strip() or len(text) > settings.max_question_chars for text in questions):
        raise UsageError(f"A question has 1 to {settings.max_question_chars:,} characters.")


def articles(index_folder: IndexOption = None, as_json: JsonOption = False) -> None:
    """List the articles of the index."""
    generation = open_generation(load_settings({"index": index_folder}))
    listed = [generation.articles[article_id] for article_id in sorted(generation.articles)]
    if as_json:
        from qa.catalogue import ArticleBody

        bodies = [ArticleBody.of(article).model_dump(mode="json") for article in listed]
        terminal.write_json({"generation": generation.id, "articles": bodies})
    else:
        from ui.reports import show_articles

        show_articles(listed)


def evaluate(
    questions: Annotated[Path, typer.Argument(metavar="QUESTIONS.jsonl", help="One question a line.")],
    index_folder: IndexOption = None,
    save: Annotated[Path | None, typer.Option(metavar="BASELINE", help="Write the figures here as well.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask every question of a file and print how good the answers are, each figure with its 95 % interval."""
    settings = load_settings({"index": index_folder})
    from qa.evaluation import evaluate, load_questions

    asked = load_questions(questions)
    answerer = open_answerer(settings)
    with terminal.counter("asking") as progress:
        evaluation = evaluate(asked, answerer, progress=progress)
    figures = evaluation.to_dict()
    if save:
        save.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if as_json:
        terminal.write_json(figures)
    else:
        from ui.reports import show_figures

        show_figures(evaluation)

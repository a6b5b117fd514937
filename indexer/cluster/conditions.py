"""A selection of articles as the SQL that Lance filters by; pure."""

from indexer.articles import Selection


def sql_of(selection: Selection) -> str:
    """Return the condition on the columns of a passage; an empty text when nothing is filtered.

    What has no date or source meets no condition on it.
    """
    parts = []
    if selection.published_from:
        parts.append(f"published >= date '{selection.published_from.isoformat()}'")
    if selection.published_to:
        parts.append(f"published <= date '{selection.published_to.isoformat()}'")
    parts += [
        f"{column} IN {listed(values)}"
        for column, values in (
            ("source", selection.sources),
            ("language", selection.languages),
            ("article_id", selection.article_ids),
        )
        if values
    ]
    if selection.collections:
        below = (f"starts_with(article_id, {quoted(name.rstrip('/') + '/')})" for name in selection.collections)
        parts.append(f"({' OR '.join(below)})")
    return " AND ".join(parts)


def listed(values: tuple[str, ...] | list[str]) -> str:
    """Return texts as a list of SQL."""
    return f"({', '.join(map(quoted, values))})"


def quoted(text: str) -> str:
    """Return a text as a literal of SQL: between single quotes, each of its own doubled."""
    return "'" + text.replace("'", "''") + "'"

"""Pictures of what the library holds: bars whose label and number are text, and which narrow the list."""

from collections.abc import Sequence

from ui.page.holdings import written_month
from ui.page.listing import UNDATED, Row, Share, source_shares, time_shares
from ui.page.markup import escape
from ui.texts import Words

MOST_SOURCES = 8


def charts_html(rows: Sequence[Row], words: Words) -> str:
    """Render the articles over time and by source; nothing where there is too little to compare."""
    over_time, by_source = time_shares(rows), source_shares(rows, MOST_SOURCES)
    by_year = any(len(share.value) == 4 for share in over_time)
    parts = []
    if len(over_time) > 1:
        bars = [("month", share, _time_label(share, words)) for share in over_time]
        parts.append(_chart(words.chart_years if by_year else words.chart_time, bars))
    if len(by_source) > 1:
        labels = {"rest": words.chart_rest, "none": words.chart_no_source}
        parts.append(
            _chart(words.chart_sources, [("source", s, labels.get(s.kind) or escape(s.value)) for s in by_source])
        )
    if not parts:
        return ""
    return (
        f'<details class="fn-charts" id="fn-chart-list"><summary data-key="charts">{words.charts}</summary>'
        f"{''.join(parts)}</details>"
    )


def _time_label(share: Share, words: Words) -> str:
    return words.chart_earlier if share.kind == "rest" else written_month(words, share.value)


def _chart(title: str, bars: Sequence[tuple[str, Share, str]]) -> str:
    most = max(share.count for _, share, _ in bars)
    items = "".join(f"<li>{_bar(facet, share, label, most)}</li>" for facet, share, label in bars)
    return f'<h3>{title}</h3><ul class="fn-chart">{items}</ul>'


def _bar(facet: str, share: Share, label: str, most: int) -> str:
    inner = (
        f'<span class="fn-bar-label">{label}</span><span class="fn-bar-track" aria-hidden="true">'
        f'<i style="width:{100 * share.count / most:.1f}%"></i></span>'
        f'<span class="fn-bar-count">{share.count:,}</span>'
    )
    value = share.value or (UNDATED if facet == "month" and share.kind == "none" else "")
    if not value or not share.count:
        return f'<span class="fn-bar">{inner}</span>'
    return (
        f'<button type="button" class="fn-bar" data-facet="{facet}" data-value="{escape(value)}" '
        f'data-key="bar-{facet}-{escape(value)}">{inner}</button>'
    )

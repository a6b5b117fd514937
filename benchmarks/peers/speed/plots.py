"""The figures over the size of the corpus, on logarithmic axes, as SVG: the one home of matplotlib."""

import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from benchmarks.peers.speed.summary import CURVES, curve
from benchmarks.peers.speed.systems import FOOTNOTE

# After Okabe and Ito, without black and yellow: told apart by most eyes, on light and on dark. Grey text likewise.
COLOURS = ("#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")
OURS, INK = "#2A8BE0", "#808080"
INKED = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
MARKS = ("s", "^", "D", "v", "P")
FILE = "peer-growth.svg"


def plot(run: Mapping[str, Any], folder: Path) -> Path:
    """Draw a panel for each of `CURVES`; return the file."""
    import matplotlib as mpl
    from matplotlib import pyplot

    mpl.use("svg")
    look: Any = {"svg.fonttype": "none", "svg.hashsalt": "footnote", "font.size": 9, **dict.fromkeys(INKED, INK)}
    pyplot.rcParams.update(look)
    figure, panels = pyplot.subplots(2, 3, figsize=(9, 5.4), sharex=True, layout="constrained")
    for panel, (path, title) in zip(panels.flat, CURVES.items(), strict=True):
        _panel(panel, run["growth"], path)
        panel.set_title(title, fontsize=9)
    for panel in panels[1]:
        panel.set_xlabel("passages")
    handles = {
        text: line for panel in panels.flat for line, text in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    names = [FOOTNOTE, *(name for name in handles if name != FOOTNOTE)]
    figure.legend([handles[name] for name in names], names, loc="outside lower center", ncols=6, frameon=False)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = StringIO()
    figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    pyplot.close(figure)
    # Hundredths of a point are enough, and half the bytes.
    (folder / FILE).write_text(re.sub(r"(\d\.\d\d)\d{2,}", r"\1", drawn.getvalue()), encoding="utf-8")
    return folder / FILE


def _panel(panel: Any, systems: Mapping[str, Any], path: str) -> None:  # noqa: ANN401 - matplotlib may be absent
    others = [name for name in systems if name != FOOTNOTE]
    looks = dict(zip(others, zip(COLOURS, MARKS, strict=True), strict=False)) | {FOOTNOTE: (OURS, "o")}
    for name in [*others, FOOTNOTE]:
        values = curve(systems.get(name, {}), path)
        if values:
            colour, mark = looks[name]
            width = 2.2 if name == FOOTNOTE else 1.2
            panel.plot(
                list(values), list(values.values()), color=colour, marker=mark, markersize=4, lw=width, label=name
            )
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.minorticks_off()
    panel.xaxis.set_major_formatter(lambda size, _: f"{size / 1e6:g} M" if size >= 1e6 else f"{size / 1e3:g} k")
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:,g}" if value < 1e4 else f"{value / 1e3:g} k")
    panel.grid(color=INK, alpha=0.25, linewidth=0.5)
    panel.patch.set_alpha(0)
    panel.spines[["top", "right"]].set_visible(False)

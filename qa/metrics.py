"""Figures for Prometheus, in its text format; the one home of prometheus-client.

Labels come from short fixed lists: templates of routes, methods, statuses, outcomes and codes.
"""

from collections import Counter as Tally
from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from indexer.generation import Generation
from qa.events import Tallies
from qa.library import Library
from qa.streaming import Gate
from qa.traffic import Passed, Traffic

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
# Seconds: a page's file, an answer, an answer that a language model words.
BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120)

# When each counter began is of no use here, and as many lines again.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it untyped


class Metrics:
    """The figures of one app; a registry of its own, because one process may hold several apps."""

    def __init__(self, library: Library, gate: Gate, traffic: Traffic) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "footnote_requests",
            "Requests, by the template of their route.",
            ["route", "method", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "footnote_request_seconds",
            "Seconds from a request's head to the end of its response.",
            ["route"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_Library(library))
        self._registry.register(_Load(gate, traffic))
        ProcessCollector(registry=self._registry)

    def observe(self, passed: Passed) -> None:
        """Count a request that is over."""
        self._requests.labels(passed.route, passed.method, str(passed.status)).inc()
        self._seconds.labels(passed.route).observe(passed.seconds)

    def render(self) -> bytes:
        """Return every figure as it stands now."""
        return generate_latest(self._registry)


class _Load(Collector):
    """How busy the server is."""

    def __init__(self, gate: Gate, traffic: Traffic) -> None:
        self._gate = gate
        self._traffic = traffic

    def collect(self) -> Iterator[Metric]:
        """Read off what is going on."""
        yield _gauge(
            "footnote_requests_under_way", "Requests being answered, but for the page's.", self._traffic.under_way
        )
        yield _gauge("footnote_queue_waiting", "Questions that wait for their turn.", self._gate.waiting)
        yield CounterMetricFamily(
            "footnote_queue_refused", "Questions refused because the queue was full or slow.", value=self._gate.refused
        )
        yield _gauge("footnote_stopping", "1 while the server lets nobody in and finishes.", self._traffic.stopping)


class _Library(Collector):
    """The live index, and what happened to it."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def collect(self) -> Iterator[Metric]:
        """Read off the tallies and the live generation."""
        yield from _of_events(self._library.events.tallies())
        generation = self._library.live
        yield _gauge("footnote_index_open", "1 while there is a generation to answer from.", generation is not None)
        if generation is not None:
            yield from _of_generation(generation)


def _of_events(tallies: Tallies) -> Iterator[Metric]:
    yield _counter("footnote_answers", "Answers by outcome.", "outcome", tallies.answers)
    yield _counter("footnote_builds", "Builds: done, unchanged, or a failure's code.", "outcome", tallies.builds)
    yield CounterMetricFamily("footnote_index_damage", "Openings that found the index damaged.", value=tallies.damage)
    if build := tallies.last_build:
        yield _gauge("footnote_last_build_seconds", "How long the last build took.", build.seconds)
        yield _gauge("footnote_last_build_ok", "1 unless the last build failed.", build.code is None)
        yield _gauge("footnote_last_build_timestamp_seconds", "When it ended, as Unix time.", build.at.timestamp())


def _of_generation(generation: Generation) -> Iterator[Metric]:
    manifest = generation.manifest
    yield _gauge("footnote_generation", "The number of the live generation.", int(generation.id.rpartition("-")[2]))
    yield _gauge("footnote_generation_age_seconds", "Seconds since it was built.", age_seconds(generation))
    yield _gauge(
        "footnote_generation_degraded", "1 while it stands in for a damaged one.", generation.degraded is not None
    )
    yield _gauge("footnote_articles", "Articles in it.", manifest.counts.articles)
    yield _gauge("footnote_passages", "Passages in it.", manifest.counts.passages)
    skipped = GaugeMetricFamily("footnote_files_skipped", "Files it could not use, by reason.", labels=["code"])
    for code, number in sorted(Tally(problem.code for problem in manifest.problems).items()):
        skipped.add_metric([code], number)
    yield skipped


def age_seconds(generation: Generation) -> float:
    """How long ago a generation was built; 0 where the clock was set back."""
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(generation.manifest.created)).total_seconds())


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))


def _counter(name: str, text: str, label: str, tally: Tally[str]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, number in sorted(tally.items()):
        family.add_metric([value], number)
    return family

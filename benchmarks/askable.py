"""Which rows the package can be asked, and what the others need: ``python -m benchmarks.askable [SOURCE...]``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from benchmarks import local
from benchmarks.requests import NotYetError, request
from benchmarks.rows import TIME, Row, read
from benchmarks.serving import deployment
from weighbridge.estimate.training import problems


def needed(row: Row) -> str:
    """What a row needs; nothing where it makes a model, a plan and a cluster without problems."""
    if row["kind"] == "local":
        return local.figures(row)[2]
    try:
        if row["kind"] == "serving":
            deployment(row)
            return ""
        asked = request(row)
    except NotYetError as reason:
        return str(reason)
    return "; ".join(f"{field}: {words}" for field, words in problems(asked.model, asked.plan, asked.cluster))


def lines(sources: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    """Per source, rows of memory and runs with figures of time: how many can be asked, and what the others need."""
    yield f"{'source':18} {'memory':>11} {'time':>11}"
    for source, rows in sources.items():
        runs = [row for row in rows if "derived_from" not in row]
        needs = {kind: [needed(row) for row in runs if (row["counter"] in TIME) is kind] for kind in (False, True)}
        counts = [f"{own.count('')}/{len(own)}" if own else "" for own in needs.values()]
        yield f"{source:18} {counts[0]:>11} {counts[1]:>11}"
        reasons = Counter(words for own in needs.values() for words in own if words)
        yield from (f"  {count:4} need {words}" for words, count in reasons.most_common())


def main(argv: Sequence[str] | None = None) -> int:
    chosen = sys.argv[1:] if argv is None else argv
    sources = {name: rows for name, rows in read().items() if not chosen or name in chosen}
    print("\n".join(lines(sources)))
    return 0 if sources else 1


if __name__ == "__main__":
    sys.exit(main())

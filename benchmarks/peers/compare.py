#!/usr/bin/env python3
"""Measures the libraries of two commits in turn: what `make peers` measures of this library, and the start of a group.

Each commit is built in a folder of its own, with the measuring program of this tree. Each pair starts both programs anew,
compares their bytes, and lets them take turns. A figure is the ratio new / old of the medians of a pair: printed are its
median and its quartiles over the pairs. Less than 1 is faster. Wants a quiet machine, and no MPI.
"""

import argparse
import datetime
import json
import os
import pathlib
import signal
import statistics
import sys
import tempfile

from runner import machine
from runner.build import build, commit_of
from runner.contestants import Contestants
from runner.program import Failure
from runner.sections import Different, same_bytes
from runner.table import align
from runner.turns import take_turns

JOB = ["--hidden", "7168", "--top-k", "8", "--experts", "64"]
THROUGHPUT = ["dispatch", "combine.window", "combine.elsewhere", "fp8.inside", "fp8.ready"]
# what, ranks, flags, operations, whether they have bytes to compare
SECTIONS = [
    ("throughput", 4, ["--tokens", "1024"], THROUGHPUT, True),
    ("latency, 1 token", 2, ["--tokens", "1", "--latency-max-tokens", "128"], ["pair"], True),
    ("World and Group", 8, ["--tokens", "1024", "--start"], ["start"], False),
]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", help="a commit")
    parser.add_argument("new", nargs="?", default="HEAD", help="another one (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=11)
    parser.add_argument("--warmups", type=int, default=3, help="of each program, a pair (default: %(default)s)")
    parser.add_argument("--samples", type=int, default=11, help="of each program, a pair (default: %(default)s)")
    parser.add_argument("--results", type=pathlib.Path, default=machine.ROOT / "benchmarks/results")
    options = parser.parse_args()
    if min(options.pairs, options.samples) < 1 or options.warmups < 0:
        parser.error("expected at least one pair and one sample")
    return options


def measure_pair(pair, programs, options):
    """Yields (figure, median of old, median of new)."""
    for what, ranks, flags, operations, with_bytes in SECTIONS:
        with Contestants(programs["old"], "old") as old, Contestants(programs["new"], "new") as new:
            both = [one.ours([*JOB, *flags], ranks) for one in (old, new)]
            for operation in operations if with_bytes else ():
                same_bytes([(program, operation) for program in both])
            order = both if pair % 2 == 0 else both[::-1]
            entries = [(program.name, program, operation) for operation in operations for program in order]
            samples = take_turns(entries, options.warmups, options.samples)
            for operation in operations:
                figure = f"{what}, {ranks} ranks: {operation}"
                yield figure, samples.median("old", operation), samples.median("new", operation)


def quartiles(ratios):
    if len(ratios) == 1:
        return [ratios[0]] * 3
    return statistics.quantiles(ratios, n=4, method="inclusive")


def summary(measured):
    """measured: figure -> [(old, new) of each pair], seconds."""
    for figure, pairs in measured.items():
        lower, middle, upper = quartiles([new / old for old, new in pairs])
        yield {
            "figure": figure,
            "ratio_median": round(middle, 4),
            "ratio_quartiles": [round(lower, 4), round(upper, 4)],
            "old_us": round(1e6 * statistics.median(old for old, _ in pairs), 3),
            "new_us": round(1e6 * statistics.median(new for _, new in pairs), 3),
            "pairs_us": [[round(1e6 * old, 3), round(1e6 * new, 3)] for old, new in pairs],
        }


def measure(programs, options):
    measured = {}
    for pair in range(options.pairs):
        print(f"pair {pair + 1} of {options.pairs}", file=sys.stderr)
        for figure, old, new in measure_pair(pair, programs, options):
            measured.setdefault(figure, []).append((old, new))
    return list(summary(measured))


def write_record(options, commits, facts, figures):
    now = datetime.datetime.now(datetime.timezone.utc)
    record = {
        "date": now.isoformat(timespec="seconds"),
        "machine": facts | {"load_average_after": round(os.getloadavg()[0], 2)},
        "commits": commits,
        "pairs": options.pairs,
        "warmups": options.warmups,
        "samples": options.samples,
        "figures": figures,
    }
    options.results.mkdir(parents=True, exist_ok=True)
    path = options.results / f"peers-compare-{now:%Y-%m-%d-%H%M%S}.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return path


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("compare: ended by a signal"))  # programs and folders go too
    try:
        commits = {"old": commit_of(options.old), "new": commit_of(options.new)}
        with tempfile.TemporaryDirectory(prefix="peers-compare-") as folder:
            print(f"building {commits['old']} and {commits['new']}", file=sys.stderr)
            programs = {name: build(commit, pathlib.Path(folder) / name) for name, commit in commits.items()}
            facts = machine.facts()
            figures = measure(programs, options)
    except (Failure, Different) as failure:
        sys.exit(f"compare: {failure}")
    path = write_record(options, commits, facts, figures)
    print(f"\n{facts['cpu']}, {facts['cores']} cores, Linux {facts['kernel']}; load average {facts['load_average']}")
    print(f"new {commits['new']} / old {commits['old']}, {options.pairs} pairs; record: {os.path.relpath(path)}\n")
    rows = [["", "old us", "new us", "new / old", "quartiles"]]
    for one in figures:
        lower, upper = one["ratio_quartiles"]
        cells = [f"{one['old_us']:.1f}", f"{one['new_us']:.1f}", f"{one['ratio_median']:.3f}"]
        rows.append([one["figure"], *cells, f"{lower:.3f} to {upper:.3f}"])
    print("\n".join(align(rows)))


if __name__ == "__main__":
    main()

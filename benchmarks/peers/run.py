#!/usr/bin/env python3
"""Measures the peers' job: this library, Open MPI and MPICH over shared memory, and memcpy as the limit.

Bytes are compared before anything is timed. All programs stay alive through a section and take turns. The job is BF16,
flat, per_rank tree, unit weights. Build first: cmake --preset peers && cmake --build --preset peers, or `make peers`.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shlex
import signal
import sys

from runner import machine, sections
from runner.bars import bars_of
from runner.contestants import CACHES_A_BUFFER, Contestants
from runner.program import Failure
from runner.table import table_of, table_of_bars

SECTIONS = ("peers", "tokens", "latency", "start")


def positive(text):
    """A decimal integer of at least 1; argparse names the flag where it is none."""
    if not (text.isascii() and text.isdigit()) or text.startswith("0"):
        raise argparse.ArgumentTypeError(f"expected an integer of at least 1, got {text!r}")
    return int(text)


def names(text):
    for word in text.split(","):
        if word not in SECTIONS:
            raise argparse.ArgumentTypeError(f"expected some of {', '.join(SECTIONS)}, got {word!r}")
    return text.split(",")


def counts(text):
    return [machine.cores() if word == "cores" else positive(word) for word in text.split(",")]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, default=machine.ROOT / "build/peers/bin")
    parser.add_argument("--results", type=pathlib.Path, default=machine.ROOT / "benchmarks/results")
    parser.add_argument("--sections", type=names, default="peers,tokens,latency,start", help="which to measure (default: %(default)s)")
    parser.add_argument("--ranks", type=counts, default="4,cores", help="of the section peers (default: %(default)s)")
    parser.add_argument("--tokens", type=positive, default=1024)
    parser.add_argument("--many-tokens", type=positive, default=8192)
    parser.add_argument("--latency-max-tokens", type=positive, default=128, help="T_max of latency mode")
    parser.add_argument("--hidden", type=positive, default=7168)
    parser.add_argument("--top-k", type=positive, default=8)
    parser.add_argument("--experts", type=positive, default=64)
    parser.add_argument("--warmups", type=positive, default=5)
    parser.add_argument("--samples", type=positive, default=21)
    return parser.parse_args()


def plan(options):
    """(section, ranks), in order."""
    for ranks in dict.fromkeys(options.ranks) if "peers" in options.sections else ():
        yield sections.peers, ranks
    if "tokens" in options.sections:
        yield sections.tokens, 4
    if "latency" in options.sections:
        yield sections.latency, 2
    if "start" in options.sections:
        yield sections.start, 8


def measure(options):
    flags = ["--hidden", str(options.hidden), "--top-k", str(options.top_k), "--experts", str(options.experts)]
    for section, ranks in plan(options):
        print(f"measuring: {section.__name__}, {ranks} ranks", file=sys.stderr)
        with Contestants(options.programs) as contestants:
            yield section(contestants, flags, ranks, options) | {"commands": contestants.commands}


def write_record(options, facts, measured, bars):
    now = datetime.datetime.now(datetime.timezone.utc)
    record = {
        "date": now.isoformat(timespec="seconds"),
        "machine": facts | {"load_average_after": round(os.getloadavg()[0], 2)},
        "crossdock": machine.crossdock_version(),
        "commit": machine.commit(),
        "host": platform.node(),
        "command": shlex.join(sys.argv),
        "job": {name: getattr(options, name) for name in ("hidden", "top_k", "experts", "warmups", "samples")},
        "sections": [section | {"samples": section["samples"].as_json()} for section in measured],
        "required": bars,
    }
    path = options.results / f"peers-{now:%Y-%m-%d-%H%M%S}.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return path


def main():
    options = parse_arguments()
    options.results.mkdir(parents=True, exist_ok=True)  # before hours of work, not behind them
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("peers: ended by a signal"))  # programs and folders go too
    facts = machine.facts()
    try:
        measured = list(measure(options))
    except (Failure, sections.Different) as failure:
        sys.exit(f"peers: {failure}")
    bars = [bar for section in measured for bar in bars_of(section)]
    path = write_record(options, facts, measured, bars)
    print(f"\n{facts['cpu']}, {facts['cores']} cores, Linux {facts['kernel']}; load average {facts['load_average']}")
    print(
        f"Median of {options.samples} after {options.warmups} warm-ups, wall time of all ranks; outputs compared byte "
        f"by byte first; record: {os.path.relpath(path)}"
    )
    if facts["load_average"] > 0.5:
        print("Other programs were running: these numbers are noisy.")
    print(f"Limit: each process has a source and a target of {CACHES_A_BUFFER:g} last-level caches.")
    for section in measured:
        print()
        print("\n".join(table_of(section)))
    print()
    print("\n".join(table_of_bars(bars)))


if __name__ == "__main__":
    main()

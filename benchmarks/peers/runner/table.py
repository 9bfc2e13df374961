"""The tables that the run ends with."""

from runner.bars import better_mpi
from runner.contestants import LIMIT, MPIS, OURS
from runner.sections import FP8, OUR_COMBINES, rates


def align(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        yield "  " + "  ".join(cells).rstrip()


def _ms(seconds):
    return f"{1e3 * seconds:.2f}"


def _peers(section):
    samples, rate = section["samples"], rates(section)
    copies = rate["memcpy"]
    rows = [["", "crossdock ms", *(f"{title} ms" for title in MPIS.values()), "better MPI / ours", "GB/s", "of memcpy"]]
    for operation in ("dispatch", *OUR_COMBINES):
        prefix, ours = operation.split(".")[0], samples.median(OURS, operation)
        best = [samples.best(mpi, prefix) for mpi in MPIS]
        cells = [f"{_ms(seconds)} ({name.split('.')[1]})" for name, seconds in best]
        share = f"{100 * rate[operation] / copies:.0f} %"
        ratio = f"{better_mpi(samples, prefix) / ours:.2f}"
        rows.append([operation, _ms(ours), *cells, ratio, f"{rate[operation] / 1e9:.2f}", share])
    for operation in FP8:
        rows.append([f"dispatch {operation}", _ms(samples.median(OURS, operation)), "", "", "", "", ""])
    for operation in ("memcpy", "read"):
        share = f"{100 * rate[operation] / copies:.0f} %"
        limit = _ms(samples.median(LIMIT, operation))
        rows.append([f"limit: {operation} ({limit} ms)", "", "", "", "", f"{rate[operation] / 1e9:.2f}", share])
    moved = section["rows"] * section["row_bytes"] / 1e6
    yield (
        f"{section['ranks']} ranks x {section['tokens']} tokens: {section['rows']} rows, {moved:.0f} MB; "
        f"limit: {section['limit_bytes_a_buffer'] >> 20} MiB a buffer, two buffers a process"
    )
    yield from align(rows)


def _tokens(section):
    rows = [["", "dispatch us/token", "combine.window us/token"]]
    for count in section["counts"]:
        label = f"{count} tokens"
        costs = [1e6 * section["samples"].median(label, name) / count for name in ("dispatch", "combine.window")]
        rows.append([label, *(f"{cost:.2f}" for cost in costs)])
    yield f"{section['ranks']} ranks, more tokens"
    yield from align(rows)


def _latency(section):
    pair = 1e6 * section["samples"].median(OURS, "pair")
    yield f"{section['ranks']} ranks, latency mode, {section['tokens']} token (T_max {section['max_tokens']})"
    yield f"  dispatch and combine: {pair:.1f} us"


def _start(section):
    seconds = section["samples"].median(OURS, "start")
    yield f"{section['ranks']} ranks, World and Group made by each"
    yield f"  start: {_ms(seconds)} ms"


def table_of(section):
    return {"peers": _peers, "tokens": _tokens, "latency": _latency, "start": _start}[section["name"]](section)


def table_of_bars(bars):
    rows = [["required", "measured", "wanted", ""]]
    for one in bars:
        unit = "" if one["unit"] == "x" else " " + one["unit"]
        met = "met" if one["met"] else "not met"
        rows.append([one["name"], f"{one['value']:.2f}{unit}", one["wanted"] + unit, met])
    yield from align(rows)

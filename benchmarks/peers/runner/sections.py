"""What is measured: each section starts its programs, compares their bytes where there are others, and takes turns."""

from runner.contestants import LIMIT, MPIS, OURS
from runner.turns import take_turns


class Different(Exception):
    """Two programs did the same job with different bytes."""


MPI_DISPATCHES = ["dispatch.alltoallv", "dispatch.messages", "dispatch.datatypes"]
MPI_COMBINES = ["combine.alltoallv", "combine.messages"]
OUR_COMBINES = ["combine.window", "combine.elsewhere"]
FP8 = ["fp8.inside", "fp8.ready"]


def same_bytes(runs):
    """runs: (program, operation) that have to give the same bytes on each rank. Returns what each rank gave."""
    expected = None
    for program, operation in runs:
        got = program.ask(f"digest {operation}")["ranks"]
        expected = expected or got
        for rank, (one, other) in enumerate(zip(expected, got)):
            if one != other:
                first, name = runs[0][0].name, runs[0][1]
                raise Different(f"rank {rank}: {program.name} {operation} gave {other}, {first} {name} gave {one}")
    return expected


def peers(contestants, flags, ranks, options):
    """Ours, both MPIs and the limit, on one job."""
    job = [*flags, "--tokens", str(options.tokens)]
    ours, limit = contestants.ours(job, ranks), contestants.limit(ranks)
    mpis = [getattr(contestants, name)(job, ranks) for name in MPIS]
    dispatches = [(ours, "dispatch"), *((mpi, name) for mpi in mpis for name in MPI_DISPATCHES)]
    combines = [(ours, name) for name in OUR_COMBINES] + [(mpi, name) for mpi in mpis for name in MPI_COMBINES]
    quantised = [(ours, name) for name in FP8]
    rows = sum(rank["rows"] for rank in same_bytes(dispatches))
    for runs in (combines, quantised):
        same_bytes(runs)
    everything = dispatches + combines + quantised + [(limit, "memcpy"), (limit, "read")]
    entries = [(program.name, program, operation) for program, operation in everything]
    samples = take_turns(entries, options.warmups, options.samples)
    return {
        "name": "peers",
        "ranks": ranks,
        "tokens": options.tokens,
        "rows": rows,
        "row_bytes": options.hidden * 2,
        "limit_bytes_a_buffer": limit.about["bytes"],
        "versions": {mpi.name: mpi.about["version"] for mpi in mpis},
        "samples": samples,
    }


def tokens(contestants, flags, ranks, options):
    """Ours alone, with few tokens and with many."""
    entries = []
    for count in (options.tokens, options.many_tokens):
        ours = contestants.ours([*flags, "--tokens", str(count)], ranks)
        entries += [(f"{count} tokens", ours, name) for name in ("dispatch", "combine.window")]
    samples = take_turns(entries, options.warmups, options.samples)
    return {"name": "tokens", "ranks": ranks, "counts": [options.tokens, options.many_tokens], "samples": samples}


def latency(contestants, flags, ranks, options):
    """Ours alone: pairs of dispatch and combine of one token."""
    extra = ["--tokens", "1", "--latency-max-tokens", str(options.latency_max_tokens)]
    ours = contestants.ours(flags, ranks, extra)
    samples = take_turns([(OURS, ours, "pair")], options.warmups, options.samples)
    sizes = {"tokens": 1, "max_tokens": options.latency_max_tokens}
    return {"name": "latency", "ranks": ranks, "samples": samples} | sizes


def start(contestants, flags, ranks, options):
    """Ours alone: each process makes a World and a Group."""
    ours = contestants.ours([*flags, "--tokens", str(options.tokens)], ranks, ["--start"])
    samples = take_turns([(OURS, ours, "start")], options.warmups, options.samples)
    return {"name": "start", "ranks": ranks, "samples": samples}


def rates(section):
    """Bytes a second of a peers section: rows written by dispatch, rows read by combine, and the limits."""
    samples, moved = section["samples"], section["rows"] * section["row_bytes"]
    buffers = section["ranks"] * section["limit_bytes_a_buffer"]
    return {
        "dispatch": moved / samples.median(OURS, "dispatch"),
        "combine.window": moved / samples.median(OURS, "combine.window"),
        "combine.elsewhere": moved / samples.median(OURS, "combine.elsewhere"),
        "memcpy": buffers / samples.median(LIMIT, "memcpy"),
        "read": buffers / samples.median(LIMIT, "read"),
    }

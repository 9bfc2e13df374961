"""What the library promises, beside what was measured."""

from runner.contestants import MPIS, OURS
from runner.sections import rates


def bar(name, value, wanted, unit="x", at_most=False):
    met = value <= wanted if at_most else value >= wanted
    sign = "<=" if at_most else ">="
    return {"name": name, "value": round(value, 3), "wanted": f"{sign} {wanted:g}", "unit": unit, "met": met}


def better_mpi(samples, prefix):
    return min(samples.best(mpi, prefix)[1] for mpi in MPIS)


def _peers(section):
    samples, rate = section["samples"], rates(section)
    dispatch, combine = (better_mpi(samples, prefix) for prefix in ("dispatch", "combine"))
    where = f"{section['ranks']} ranks: "
    return [
        bar(where + "dispatch, times as fast as the better MPI", dispatch / samples.median(OURS, "dispatch"), 2.3),
        bar(where + "combine in the window, times as fast", combine / samples.median(OURS, "combine.window"), 2.5),
        bar(where + "combine elsewhere, times as fast", combine / samples.median(OURS, "combine.elsewhere"), 0.9),
        bar(where + "dispatch writes, share of memcpy", 100 * rate["dispatch"] / rate["memcpy"], 90, "%"),
        bar(where + "combine reads, share of memcpy", 100 * rate["combine.window"] / rate["memcpy"], 120, "%"),
        bar(
            where + "FP8 made inside, cost of ready rows",
            samples.median(OURS, "fp8.inside") / samples.median(OURS, "fp8.ready"),
            1.3,
            at_most=True,
        ),
    ]


def _tokens(section):
    few, many = section["counts"]
    result = []
    for operation in ("dispatch", "combine.window"):
        cost = {count: section["samples"].median(f"{count} tokens", operation) / count for count in (few, many)}
        name = f"{section['ranks']} ranks: {operation}, time a token at {many} over that at {few}"
        result.append(bar(name, cost[many] / cost[few], 1.15, at_most=True))
    return result


def _latency(section):
    value = 1e6 * section["samples"].median(OURS, "pair")
    return [bar(f"{section['ranks']} ranks: latency mode, 1 token, a pair", value, 60, "us", at_most=True)]


def bars_of(section):
    promised = {"peers": _peers, "tokens": _tokens, "latency": _latency}
    return promised[section["name"]](section) if section["name"] in promised else []

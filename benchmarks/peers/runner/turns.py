"""Programs take turns, one run of one operation at a time, so that a busy or slow moment of the machine hits all."""

import statistics


class Samples:
    """Seconds of each (program, operation), warm-ups left out."""

    def __init__(self):
        self._seconds = {}

    def add(self, program, operation, seconds):
        self._seconds.setdefault((program, operation), []).append(seconds)

    def median(self, program, operation):
        return statistics.median(self._seconds[program, operation])

    def best(self, program, prefix):
        """(operation, median) of the fastest variant of an operation."""
        variants = [name for owner, name in self._seconds if owner == program and name.startswith(prefix)]
        return min(((name, self.median(program, name)) for name in variants), key=lambda pair: pair[1])

    def as_json(self):
        return [
            {
                "program": program,
                "operation": operation,
                "median_ms": round(1e3 * statistics.median(seconds), 4),
                "least_ms": round(1e3 * min(seconds), 4),
                "samples_ms": [round(1e3 * second, 4) for second in seconds],
            }
            for (program, operation), seconds in self._seconds.items()
        ]


def take_turns(entries, warmups, samples):
    """entries: (label, program, operation). Each round runs all of them, from another one on, every other backwards."""
    result = Samples()
    for turn in range(warmups + samples):
        first = turn % len(entries)
        order = entries[first:] + entries[:first]
        for label, program, operation in reversed(order) if turn % 2 else order:
            seconds = program.time(operation)
            if turn >= warmups:
                result.add(label, operation, seconds)
    return result

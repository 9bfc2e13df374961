"""The programs of benchmarks/peers, and how each is started."""

import os
import shlex

from runner import machine
from runner.program import Program, free_port, start_by, start_ranks

OURS = "crossdock"
LIMIT = "limit"
MPIS = {"openmpi": "Open MPI", "mpich": "MPICH"}

# Over four times the last-level cache: each process has a source and a target of this size of its own.
CACHES_A_BUFFER = 4.5


class Contestants:
    """Starts programs, notes their command lines, and ends them all. `ours` is what this library is called."""

    def __init__(self, programs_dir, ours=OURS):
        self._dir = programs_dir
        self._ours = ours
        self._running = []
        self.commands = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in self._running:
            program.close()

    def ours(self, job, ranks, extra=()):
        port = free_port()
        path, flags = self._path(OURS), ["--ranks", str(ranks), *job, *extra]

        def command_of(rank, meeting):
            where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
            who = {"RANK": str(rank), "WORLD_SIZE": str(ranks)}
            return [path, "--rank", str(rank), *flags, "--meeting", str(meeting)], who | where

        environment = f"RANK=0..{ranks - 1} WORLD_SIZE={ranks} MASTER_ADDR=127.0.0.1 MASTER_PORT=..."
        self._note(environment, [path, "--rank", f"0..{ranks - 1}", *flags])
        return self._add(Program(self._ours, ranks, start_ranks(command_of, ranks)))

    def openmpi(self, job, ranks):
        environment = {}
        if os.geteuid() == 0:
            environment = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        # ob1 over vader, with its copies in one go where the kernel lets it: Open MPI's shared memory.
        launcher = ["mpirun.openmpi", "-np", str(ranks), "--mca", "pml", "ob1", "--mca", "btl", "self,vader"]
        if ranks > machine.cores():
            launcher.append("--oversubscribe")
        return self._mpi("openmpi", launcher, job, ranks, environment)

    def mpich(self, job, ranks):
        return self._mpi("mpich", ["mpirun.mpich", "-np", str(ranks)], job, ranks, {})

    def limit(self, ranks):
        path = self._path(LIMIT)
        flags = ["--ranks", str(ranks), "--bytes", str(int(CACHES_A_BUFFER * machine.last_level_cache_bytes()))]

        def command_of(rank, meeting):
            return [path, "--rank", str(rank), *flags, "--meeting", str(meeting)], {}

        self._note("", [path, "--rank", f"0..{ranks - 1}", *flags])
        return self._add(Program(LIMIT, ranks, start_ranks(command_of, ranks)))

    def _mpi(self, name, launcher, job, ranks, environment):
        command = [self._path(name), *job]
        self._note(" ".join(f"{key}={value}" for key, value in environment.items()), [*launcher, *command])
        return self._add(Program(name, ranks, start_by(launcher, command, environment)))

    def _path(self, name):
        return str(self._dir / f"peers_{name}")

    def _add(self, program):
        self._running.append(program)
        return program

    def _note(self, environment, command):
        text = shlex.join(command).replace(f"{self._dir}/", "").replace("'", "")
        self.commands.append(f"{environment} {text} --meeting FILE".strip())

"""The library of a commit with the measuring program of this tree, so that both libraries are measured by the same code."""

import io
import os
import shutil
import subprocess
import tarfile

from runner import machine
from runner.program import Failure

_CONFIGURE = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCROSSDOCK_TESTS=OFF", "-DCROSSDOCK_TOOLS=OFF"]


def _run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}: {done.stdout[-3000:]}")
    return done.stdout.strip()


def commit_of(revision):
    return _run(["git", "rev-parse", "--verify", "--short=12", f"{revision}^{{commit}}"], cwd=machine.ROOT)


def build(commit, folder):
    """Returns the folder of the programs. `folder` must not exist."""
    archive = subprocess.run(["git", "archive", commit], cwd=machine.ROOT, stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tree:
        tree.extractall(folder)
    shutil.rmtree(folder / "benchmarks/peers", ignore_errors=True)
    shutil.copytree(machine.ROOT / "benchmarks/peers", folder / "benchmarks/peers")
    # paths of the folder change, what is compiled does not
    environment = os.environ | {"CCACHE_BASEDIR": str(folder), "CCACHE_NOHASHDIR": "1"}
    configure = ["cmake", "-S", str(folder), "-B", str(folder / "build"), *_CONFIGURE, "-DCROSSDOCK_BENCHMARKS=ON"]
    _run(configure, env=environment)
    jobs = ["--parallel", str(machine.cores())]
    _run(["cmake", "--build", str(folder / "build"), *jobs, "--target", "peers_crossdock"], env=environment)
    return folder / "build/bin"

"""A program of several ranks that stays alive and answers commands (harness/session.hpp)."""

import json
import os
import pathlib
import selectors
import socket
import subprocess
import tempfile
import time

_MEETING_BYTES = 65536  # Meeting::kBytes
_SECONDS_TO_START = 180
_SECONDS_TO_ANSWER = 120
_SECONDS_TO_END = 15


class Failure(Exception):
    """A program ended, or did not answer."""


class Program:
    def __init__(self, name, ranks, start):
        """start(meeting, stderr) starts the processes; the first has rank 0 at its standard input and output."""
        self.name = name
        self.ranks = ranks
        self._folder = tempfile.TemporaryDirectory(prefix="peers-")
        meeting = pathlib.Path(self._folder.name) / "meeting"
        meeting.write_bytes(bytes(_MEETING_BYTES))
        with open(self._stderr_path(), "wb") as stderr:
            self._processes = start(meeting, stderr)
        self._unread = b""
        try:
            self.about = self._answer(_SECONDS_TO_START)
        except BaseException:
            self.close()
            raise

    def ask(self, line):
        stdin = self._processes[0].stdin
        stdin.write(line.encode() + b"\n")
        stdin.flush()
        return self._answer(_SECONDS_TO_ANSWER)

    def time(self, operation):
        return self.ask(f"time {operation} 1")["seconds"][0]

    def close(self):
        """Rank 0 sees the end of its input and tells the others."""
        self._processes[0].stdin.close()
        for process in self._processes:
            try:
                process.wait(_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes[0].stdout.close()
        self._folder.cleanup()

    def _stderr_path(self):
        return pathlib.Path(self._folder.name) / "stderr"

    def _answer(self, seconds):
        deadline = time.monotonic() + seconds
        stdout = self._processes[0].stdout
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                ended = any(process.poll() is not None for process in self._processes)
                if selector.select(0 if ended else 0.5):
                    got = os.read(stdout.fileno(), 1 << 16)
                    self._unread += got
                    ended = ended or not got
                if b"\n" not in self._unread and (ended or time.monotonic() > deadline):
                    raise Failure(self._last_words("ended" if ended else f"did not answer within {seconds} s"))
        line, self._unread = self._unread.split(b"\n", 1)
        return json.loads(line)

    def _last_words(self, what):
        text = self._stderr_path().read_text(encoding="utf-8", errors="replace")
        return f"{self.name} {what}: {text[-2000:] or 'it said nothing'}"


def start_ranks(command_of, ranks):
    """Ranks started here, one process each; command_of(rank, meeting) -> (command, environment)."""

    def start(meeting, stderr):
        processes = []
        for rank in range(ranks):
            command, environment = command_of(rank, meeting)
            pipe = subprocess.PIPE if rank == 0 else subprocess.DEVNULL
            processes.append(
                subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=stderr, env=os.environ | environment)
            )
        return processes

    return start


def start_by(launcher, command, environment):
    """Ranks started by a launcher that gives rank 0 its own input and output."""

    def start(meeting, stderr):
        return [
            subprocess.Popen(
                [*launcher, *command, "--meeting", str(meeting)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=os.environ | environment,
            )
        ]

    return start


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]

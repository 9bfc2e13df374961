"""Facts about the machine, for the record and for the size of the limit's buffers."""

import os
import pathlib
import platform
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]


def _read(path, otherwise=""):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return otherwise


def cores():
    return len(os.sched_getaffinity(0))


def last_level_cache_bytes():
    """One instance of it, as processor 0 sees it."""
    sizes = [_read(index / "size") for index in pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")]
    units = {"K": 1 << 10, "M": 1 << 20}
    return max((int(size[:-1]) * units[size[-1]] for size in sizes if size), default=32 << 20)


def facts():
    model = re.search(r"^model name\s*:\s*(.*)$", _read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+)", _read("/proc/meminfo"), re.MULTILINE)
    return {
        "cpu": model.group(1) if model else platform.machine(),
        "cores": cores(),
        "last_level_cache_bytes": last_level_cache_bytes(),
        "memory_bytes": int(memory.group(1)) << 10 if memory else None,
        "kernel": platform.release(),
        "transparent_hugepages": _read("/sys/kernel/mm/transparent_hugepage/enabled"),
        "transparent_hugepages_shared": _read("/sys/kernel/mm/transparent_hugepage/shmem_enabled"),
        "load_average": round(os.getloadavg()[0], 2),
    }


def crossdock_version():
    return re.search(r"project\(crossdock VERSION (\S+)", _read(ROOT / "CMakeLists.txt")).group(1)


def commit():
    """Of these sources; "unknown" where they are no repository of their own."""
    if not (ROOT / ".git").exists():
        return "unknown"
    command = ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else "unknown"

#!/usr/bin/env bash
# Slurm's `scontrol show hostnames` on names with several brackets. Debian 12, slurm-client 22.05.8, 2026-11-28.
#
# Guessed: the leftmost bracket varies slowest. So it is with two brackets: r[0-1]n[0-1] gives r0n0 r0n1 r1n0 r1n1. With three the
# middle one is slowest and the last fastest: r[0-1]n[0-1]x[2-3] gives r0n0x2 r0n0x3 r1n0x2 r1n0x3 r0n1x2 ... Whoever maps
# ranks to hosts by a list of his own making gets another order; the first host alone is the same in every order.
# Also: text behind a bracket (n[1-2]-ib) is no host list for this version.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq slurm-client=22.05.8-4+deb12u3 slurm-wlm-basic-plugins=22.05.8-4+deb12u3 >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" .; done
printf 'ClusterName=x\nSlurmctldHost=localhost\nNodeName=localhost\nPartitionName=p Nodes=ALL\n' >slurm.conf
export SLURM_CONF=$folder/slurm.conf
libraries=$(find "$folder/usr/lib" -name 'libslurm*' -printf '%h\n' | sort -u | paste -sd:)
hosts() { LD_LIBRARY_PATH=$libraries ./usr/bin/scontrol show hostnames "$1" 2>/dev/null | paste -sd' '; }

expect() {
  local got
  got=$(hosts "$1" || true)
  echo "$1 -> $got"
  [[ $got == "$2" ]] || { echo "  expected $2" >&2; exit 1; }
}
expect 'r[0-1]n[0-1]' 'r0n0 r0n1 r1n0 r1n1'
expect 'r[0-1]n[0-1]x[2-3]' 'r0n0x2 r0n0x3 r1n0x2 r1n0x3 r0n1x2 r0n1x3 r1n1x2 r1n1x3'
expect 'n[1-2]-ib' ''

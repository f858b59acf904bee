#!/usr/bin/env python3
"""Times `vault audit verify` on the logs of a large society: 1,000 computers, 5 million records, a year.

usage: tests/bench/audit.py [--build DIR] [--hosts N] [--events N] [--rounds N] [--where DIR] [--markdown FILE]

The logs are made by tests/bench/fleet in a folder below DIR (else below TMPDIR), once: 6.3 GB, in some
minutes. They stay there and are used again by the next run, when the numbers and the generator are the same.
Each round verifies all of them and wants exit code 0 with every record and opening counted.
"""
import argparse
import glob
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
# What decides on every byte of the logs.
SOURCES = ("tests/bench/fleet*.[ch]", "src/audit/line.c", "src/audit/merkle.c", "src/audit/checkpoint.c")


def generator_mark(args):
    sum_ = hashlib.sha256(b"%d %d" % (args.hosts, args.events))
    for path in sorted(path for pattern in SOURCES for path in glob.glob(os.path.join(ROOT, pattern))):
        with open(path, "rb") as file:
            sum_.update(file.read())
    return sum_.hexdigest()


def kept(folder, mark):
    """What was made before, when it was made whole and by the same generator."""
    try:
        with open(os.path.join(folder, "made.json"), encoding="utf-8") as file:
            made = json.load(file)
    except (OSError, ValueError):
        return None
    return made if made.get("mark") == mark else None


def make_logs(args, folder):
    program = os.path.join(args.build, "tests", "bench", "fleet")
    mark = generator_mark(args)
    made = kept(folder, mark)
    if made:
        return made
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    begun = time.monotonic()
    done = subprocess.run([program, os.path.join(folder, "logs"), "--hosts", str(args.hosts), "--events",
                           str(args.events), "--threads", str(os.cpu_count())], check=True, stdout=subprocess.PIPE)
    made = dict(json.loads(done.stdout), mark=mark, took=time.monotonic() - begun)
    with open(os.path.join(folder, "made.json"), "w", encoding="utf-8") as file:
        json.dump(made, file)
    return made


def verify(args, folder, made):
    """One round in a process of its own, so that its peak of memory is its own."""
    with tempfile.TemporaryDirectory() as home:
        begun = time.monotonic()
        process = subprocess.Popen(
            [os.path.join(args.build, "vault"), "audit", "verify", os.path.join(folder, "logs"), "--json"],
            env=dict(os.environ, PVAULT_HOME=home, HOME=home), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        out = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        took = time.monotonic() - begun
    result = [json.loads(line) for line in out.splitlines()][-1]
    assert process.returncode == 0, "exit %d: %s" % (process.returncode, result)
    assert result["records"] == made["events"] and result["openings"] == made["sessions"], (result, made)
    return {"seconds": took, "cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss / 1024,
            "heads": result["heads"]}


def table(made, rows):
    def median(field):
        return statistics.median(r[field] for r in rows)

    return "\n".join([
        "| computers | vaults | records | openings | heads | GB | seconds | CPU seconds | records/s | peak MiB |",
        "|---|---|---|---|---|---|---|---|---|---|",
        "| %d | %d | %d | %d | %d | %.1f | %.1f | %.1f | %d | %d |" % (
            made["hosts"], made["volumes"], made["events"], made["sessions"], rows[0]["heads"], made["bytes"] / 1e9,
            median("seconds"), median("cpu"), made["events"] / median("seconds"), max(r["peak"] for r in rows))]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--events", type=int, default=5000000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--where", default=tempfile.gettempdir())
    parser.add_argument("--markdown")
    args = parser.parse_args()
    folder = os.path.join(args.where, "vault-fleet-%d-%d" % (args.hosts, args.events))
    made = make_logs(args, folder)
    rows = []
    for _ in range(args.rounds):
        rows.append(verify(args, folder, made))
        print(table(made, rows), flush=True)
    if args.markdown:
        with open(args.markdown, "w", encoding="utf-8") as out:
            out.write(table(made, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Times re-sealing after a revocation beside copying the same content in, and what it costs those who use
the mount meanwhile.

usage: tests/bench/reseal.py [--build DIR] [--size MIB] [--rounds N] [--where DIR] [--markdown FILE]

A round: a society of two people, a vault, SIZE MiB of random files copied in through the mount (timed until
the eject has made them durable); one of the two is revoked; the other mounts, which begins a new key, and
the time until the log says that everything is under it is taken, once with the mount left alone and once
while files are read and written on it. The files are compared afterwards. Medians of all rounds.
"""
import argparse
import hashlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PASS = "correct-horse-battery"
FILE_MIB = 8


class Host:
    def __init__(self, program, home):
        self.program, self.env = program, dict(os.environ, PVAULT_HOME=home, LANG="C.UTF-8")

    def call(self, *words, ask=True):
        extra = ["--passphrase-fd", "0"] if ask else []
        done = subprocess.run([self.program, *words, *extra], env=self.env, check=True,
                              input=(PASS + "\n").encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
        return done.stdout.decode()

    def result(self, *words, ask=True):
        return json.loads(self.call(*words, "--json", ask=ask).splitlines()[-1])

    def events(self, code):
        lines = self.call("log", "--json", ask=False).splitlines()
        return [r for r in map(json.loads, lines) if r["event"] == code]


def set_up(program, base):
    boss, other = Host(program, base + "/boss"), Host(program, base + "/other")
    boss.call("key", "new", "--name", "boss")
    other.call("key", "new", "--name", "other")
    boss.call("org", "init", "--name", "bench")
    leaver = other.result("key", "show", ask=False)
    boss.call("staff", "add", "other", leaver["recipient"], "--signs", leaver["signs"])
    os.mkdir(base + "/usb")
    vault = boss.result("init", base + "/usb", "--label", "BENCH")["path"]
    boss.call("grant", vault, "--to", "other")
    return boss, vault


def names(size):
    return ["file%04d" % n for n in range(size // FILE_MIB)]


def fill(source, size):
    os.makedirs(source)
    for name in names(size):
        with open(os.path.join(source, name), "wb") as out:
            out.write(os.urandom(FILE_MIB << 20))


def digest(folder, wanted):
    total = hashlib.sha256()
    for name in wanted:
        with open(os.path.join(folder, name), "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                total.update(block)
    return total.hexdigest()


def copy_in(boss, vault, source, mountpoint):
    begun = time.monotonic()
    boss.call("mount", vault, mountpoint)
    subprocess.run(["cp", "-r", source + "/.", mountpoint], check=True)
    boss.call("eject", mountpoint, ask=False)
    return time.monotonic() - begun


class Use:
    """Somebody at work: reads 4 KiB from anywhere, now and then writes a small file and flushes it."""

    def __init__(self, mountpoint, wanted):
        self.mountpoint, self.wanted, self.dice = mountpoint, wanted, random.Random(1)
        self.reads, self.writes, self.count = [], [], 0

    def step(self):
        begun = time.monotonic()
        with open(os.path.join(self.mountpoint, self.dice.choice(self.wanted)), "rb") as file:
            file.seek(self.dice.randrange(FILE_MIB << 8) << 12)
            file.read(4096)
        self.reads.append(time.monotonic() - begun)
        self.count += 1
        if self.count % 20 == 0:
            begun = time.monotonic()
            with open(os.path.join(self.mountpoint, "note%d" % (self.count % 7)), "wb") as file:
                file.write(os.urandom(3000))
                file.flush()
                os.fsync(file.fileno())
            self.writes.append(time.monotonic() - begun)
        time.sleep(0.005)


def wait_for_end(boss, before, use=None):
    begun, asked = time.monotonic(), 0
    while True:
        if use:
            use.step()
        else:
            time.sleep(0.05)
        if time.monotonic() - asked < 0.25:
            continue
        asked = time.monotonic()
        if len(boss.events("reseal_end")) > before:
            return time.monotonic() - begun


def reseal(boss, vault, mountpoint, use_it, wanted):
    """A new key, and everything under it. The time counts from the mount on."""
    before = len(boss.events("reseal_end"))
    begun = time.monotonic()
    boss.call("mount", vault, mountpoint)
    use = Use(mountpoint, wanted) if use_it else None
    wait_for_end(boss, before, use)
    took = time.monotonic() - begun
    boss.call("eject", mountpoint, ask=False)
    return took, use


def quiet_use(boss, vault, mountpoint, wanted):
    boss.call("mount", vault, mountpoint)
    use = Use(mountpoint, wanted)
    for _ in range(400):
        use.step()
    boss.call("eject", mountpoint, ask=False)
    return use


def one_round(args, base):
    boss, vault = set_up(os.path.abspath(os.path.join(args.build, "vault")), base)
    source, mountpoint, wanted = base + "/source", base + "/m", names(args.size)
    os.mkdir(mountpoint)
    fill(source, args.size)
    row = {"copy": copy_in(boss, vault, source, mountpoint)}
    row["quiet"] = quiet_use(boss, vault, mountpoint, wanted)
    boss.call("revoke", "other", "--reason", "left", "--confirm", "other")
    row["reseal"], _ = reseal(boss, vault, mountpoint, False, wanted)
    assert boss.events("rekey")[-1]["reason"] == "REVOKED_KEY"
    # The second time by hand: nobody is left to be revoked.
    boss.call("rekey", vault)
    row["reseal_used"], row["used"] = reseal(boss, vault, mountpoint, True, wanted)
    boss.call("mount", vault, mountpoint, "--read-only")
    assert digest(mountpoint, wanted) == digest(source, wanted), "the content is not the same"
    boss.call("eject", mountpoint, ask=False)
    return row


def milliseconds(times, share):
    times = sorted(times)
    return 1000 * times[min(len(times) - 1, int(share * len(times)))] if times else 0.0


def table(args, rows):
    def median(field):
        return statistics.median(r[field] for r in rows)

    def all_of(use, field):
        return [t for r in rows for t in getattr(r[use], field)]

    out = ["| | seconds | of copying in |", "|---|---|---|"]
    for field, words in (("copy", "copying %d MiB in" % args.size), ("reseal", "re-sealing, mount left alone"),
                         ("reseal_used", "re-sealing, mount in use")):
        out.append("| %s | %.1f | %.2f |" % (words, median(field), median(field) / median("copy")))
    out += ["", "| use of the mount | median ms | 99 % ms | worst ms |", "|---|---|---|---|"]
    for use, words in (("quiet", "without"), ("used", "during re-sealing")):
        for field, what in (("reads", "open and read 4 KiB"), ("writes", "write 3 KB and fsync")):
            times = all_of(use, field)
            out.append("| %s, %s | %.1f | %.1f | %.1f |" % (
                what, words, milliseconds(times, 0.5), milliseconds(times, 0.99), milliseconds(times, 1)))
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--where", default=None)
    parser.add_argument("--markdown")
    args = parser.parse_args()
    rows = []
    for _ in range(args.rounds):
        base = tempfile.mkdtemp(prefix="vault-reseal-", dir=args.where)
        try:
            rows.append(one_round(args, base))
        finally:
            subprocess.run(["fusermount3", "-uzq", base + "/m"], check=False)
            shutil.rmtree(base, ignore_errors=True)
        print(table(args, rows), flush=True)
    if args.markdown:
        with open(args.markdown, "w", encoding="utf-8") as out:
            out.write(table(args, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())

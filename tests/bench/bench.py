#!/usr/bin/env python3
"""Times a mounted vault beside gocryptfs and a plain folder, in one run, and prints ratios.

usage: tests/bench/bench.py [--build DIR] [--rounds N] [--size MIB] [--files N] [--where DIR]
                            [--only SUBJECT,...] [--markdown FILE]

Every round runs every subject in turn, so that a noisy moment hits all of them alike; the table has
medians. Each reading step starts from a fresh mount, so nothing comes from the kernel's cache of the
mount (the cache of the disk below stays warm, for all subjects alike). A writing step ends when its
data were flushed with fsync. Peak memory is VmHWM of the process that serves the mount.
"""
import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

PASS = "correct-horse-battery"


class Plain:
    name = "plain"

    def __init__(self, base, args):
        self.mountpoint = os.path.join(base, "plain")
        os.makedirs(self.mountpoint)

    def mount(self):
        pass

    def unmount(self):
        pass

    def peak_kib(self):
        return 0


class Gocryptfs:
    name = "gocryptfs"

    def __init__(self, base, args):
        self.cipher = os.path.join(base, "gocryptfs.cipher")
        self.mountpoint = os.path.join(base, "gocryptfs")
        self.passfile = os.path.join(base, "pass")
        os.makedirs(self.cipher)
        os.makedirs(self.mountpoint)
        with open(self.passfile, "w") as out:
            out.write(PASS + "\n")
        run(["gocryptfs", "-q", "-init", "-passfile", self.passfile, self.cipher])

    def mount(self):
        run(["gocryptfs", "-q", "-nosyslog", "-passfile", self.passfile, self.cipher, self.mountpoint])

    def unmount(self):
        run(["fusermount3", "-u", self.mountpoint])

    def peak_kib(self):
        return peak_of(lambda cmd: "gocryptfs" in cmd[0] and self.mountpoint in cmd)


class Vault:
    name = "vault"

    def __init__(self, base, args):
        self.program = os.path.abspath(os.path.join(args.build, "vault"))
        self.mountpoint = os.path.join(base, "vault")
        self.env = dict(os.environ, PVAULT_HOME=os.path.join(base, "home"), LANG="C.UTF-8")
        self.medium = os.path.join(base, "BENCH.VLT")
        self.call("key", "new", "--name", "bench", secret=True)
        self.call("init", base, "--label", "BENCH", secret=True)

    def call(self, *words, secret=False):
        extra = ["--passphrase-fd", "0"] if secret else []
        subprocess.run([self.program, *words, *extra], env=self.env, check=True,
                       input=(PASS + "\n").encode() if secret else b"",
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def mount(self):
        self.call("mount", self.medium, self.mountpoint, secret=True)

    def unmount(self):
        self.call("eject", self.mountpoint)

    def peak_kib(self):
        return peak_of(lambda cmd: os.path.basename(cmd[0]) == "vault")


SUBJECTS = {cls.name: cls for cls in (Plain, Gocryptfs, Vault)}


def run(words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def peak_of(wanted):
    peak = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as line:
                cmd = line.read().decode("utf-8", "replace").split("\0")
            if not wanted(cmd):
                continue
            with open("/proc/%s/status" % pid) as status:
                for row in status:
                    if row.startswith("VmHWM:"):
                        peak = max(peak, int(row.split()[1]))
        except OSError:
            continue
    return peak


def flush(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def seq_write(root, args):
    block = os.urandom(1 << 20)
    path = os.path.join(root, "big")
    with open(path, "wb", buffering=0) as out:
        for _ in range(args.size):
            out.write(block)
        os.fsync(out.fileno())


def seq_read(root, args):
    with open(os.path.join(root, "big"), "rb", buffering=0) as source:
        while source.read(1 << 20):
            pass


def random_read(root, args):
    rng = random.Random(7)
    fd = os.open(os.path.join(root, "big"), os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    for _ in range(args.reads):
        os.pread(fd, 4096, rng.randrange(args.size * 256) * 4096)
    os.close(fd)


def small_paths(root, args):
    return [os.path.join(root, "small", "%02d" % (i % 100), "file-%05d" % i)
            for i in range(args.files)]


def create_small(root, args):
    rng = random.Random(11)
    data = os.urandom(16384)
    for d in range(100):
        os.makedirs(os.path.join(root, "small", "%02d" % d))
    for path in small_paths(root, args):
        with open(path, "wb", buffering=0) as out:
            out.write(data[:rng.randrange(512, 8192)])
    flush(path)


def read_small(root, args):
    for path in small_paths(root, args):
        with open(path, "rb", buffering=0) as source:
            source.read()


def delete_small(root, args):
    for path in small_paths(root, args):
        os.unlink(path)
    flush(os.path.join(root, "small"))


def unpack(root, args):
    target = os.path.join(root, "tree")
    os.makedirs(target)
    run(["tar", "-xf", args.tarball, "-C", target])
    flush(target)


# Title, step, whether it starts from a fresh mount.
STEPS = [
    ("sequential write", seq_write, True),
    ("sequential read", seq_read, True),
    ("4 KiB random read", random_read, True),
    ("create small files", create_small, True),
    ("read small files", read_small, True),
    ("delete small files", delete_small, True),
    ("unpack a tree", unpack, True),
]


def make_tarball(path):
    """A real tree: the system's documentation, packed once."""
    with tarfile.open(path, "w") as tar:
        tar.add("/usr/share/doc", arcname="doc")
        if os.path.isdir("/usr/include"):
            tar.add("/usr/include", arcname="include")


def one_round(subject, args, times):
    for title, step, fresh in STEPS:
        begun = time.monotonic()
        subject.mount()
        times.setdefault("mount", []).append(time.monotonic() - begun)
        begun = time.monotonic()
        step(subject.mountpoint, args)
        times.setdefault(title, []).append(time.monotonic() - begun)
        times.setdefault("peak memory, MiB", []).append(subject.peak_kib() / 1024)
        subject.unmount()


def value_of(title, values):
    return max(values) if title.startswith("peak") else statistics.median(values)


def table(results, args):
    titles = ["mount"] + [t for t, _, _ in STEPS] + ["peak memory, MiB"]
    names = list(results)
    rows = [["", *names] + ["vault / " + n for n in names if n != "vault" and "vault" in names]]
    for title in titles:
        values = {n: value_of(title, results[n][title]) for n in names}
        row = [title] + ["%.3f" % values[n] for n in names]
        for n in names:
            if n != "vault" and "vault" in names:
                row.append("%.2f" % (values["vault"] / values[n]) if values[n] > 0.0005 else "-")
        rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=512, help="MiB of the big file")
    parser.add_argument("--files", type=int, default=10000)
    parser.add_argument("--reads", type=int, default=20000)
    parser.add_argument("--where", default=None)
    parser.add_argument("--only", default="plain,gocryptfs,vault")
    parser.add_argument("--markdown")
    args = parser.parse_args()
    base = tempfile.mkdtemp(prefix="vault-bench-", dir=args.where)
    args.tarball = os.path.join(base, "tree.tar")
    results = {}
    try:
        make_tarball(args.tarball)
        for number in range(args.rounds):
            for name in args.only.split(","):
                if name == "gocryptfs" and not shutil.which("gocryptfs"):
                    print("gocryptfs is not installed: left out", file=sys.stderr)
                    continue
                home = os.path.join(base, "%s-%d" % (name, number))
                os.makedirs(home)
                one_round(SUBJECTS[name](home, args), args, results.setdefault(name, {}))
                shutil.rmtree(home)
                print("round %d of %d: %s done" % (number + 1, args.rounds, name), file=sys.stderr)
        rows = table(results, args)
        widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
        for row in rows:
            print("  ".join(cell.ljust(w) for cell, w in zip(row, widths)))
        if args.markdown:
            with open(args.markdown, "w") as out:
                for i, row in enumerate(rows):
                    out.write("| " + " | ".join(row) + " |\n")
                    if i == 0:
                        out.write("|" + "---|" * len(row) + "\n")
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()

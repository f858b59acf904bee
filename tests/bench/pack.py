#!/usr/bin/env python3
"""Times `vault pack`, `unpack` and `inspect` beside tar with age, zstd, gpg, and 7z, in one run, and
prints ratios.

usage: tests/bench/pack.py [--build DIR] [--rounds N] [--size MIB] [--where DIR]
                           [--only SUBJECT,...] [--all] [--markdown FILE]

The corpus is gathered from this machine: a third each of text, of binaries, and of what is compressed
already; which files these are depends on the machine only. Every round runs every subject in turn, so
that a noisy moment hits all of them alike; the table has medians. The slow subjects
take part in the last round only, and unpacking is a round of its own behind it; --all has both in every
round. Everything that is written is flushed
before the clock stops, for all subjects alike. CPU is that of all processes of a pipeline, peak memory
the sum of their VmHWM.
"""
import argparse
import gzip
import hashlib
import io
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

PASS = "correct-horse-battery"
KEEP = 48 << 20  # larger files would be most of their kind
TEXT = [(root, None) for root in ("/usr/include", "/usr/share/doc", "/usr/share/perl",
                                  "/usr/lib/python3", "/usr/share/man", "/usr/share")]
BINARY = [("/usr/bin", None), ("/usr/lib", None)]
PRESSED_ENDS = (".gz", ".xz", ".bz2", ".zst", ".zip", ".jar", ".whl", ".deb", ".png", ".jpg", ".pdf",
                ".woff2", ".pack", ".rpm", ".tgz")
PRESSED = [(root, PRESSED_ENDS) for root in ("/usr/share", "/usr/lib", "/var/cache/apt/archives",
                                             "/opt")]


# ---- the corpus ----

def order(path):
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).digest()


def files_below(root, ends):
    """All plain files in an order that has nothing to do with their names."""
    found = []
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            pressed = name.lower().endswith(PRESSED_ENDS)
            if pressed == bool(ends) and not os.path.islink(path) and os.path.isfile(path):
                found.append(path)
    return sorted(found, key=order)


def is_text(path):
    with open(path, "rb") as source:
        return b"\0" not in source.read(8192)


def take(places, want, text, target):
    """Copies files until `want` bytes are there; each place gives what is left of its share."""
    got, seen = 0, set()
    for number, (root, ends) in enumerate(places):
        share = got + (want - got) // (len(places) - number)
        for path in files_below(root, ends):
            if got >= share:
                break
            try:
                size = os.path.getsize(path)
                if path in seen or size > KEEP or got + size > want or \
                        (text is not None and is_text(path) != text):
                    continue
                copy = target + path
                os.makedirs(os.path.dirname(copy), exist_ok=True)
                shutil.copyfile(path, copy)
            except OSError:
                continue
            seen.add(path)
            got += size
    return got


def fill(want, target):
    """What is compressed already and not on this machine is made: archives of its programs."""
    number = 0
    paths = iter(files_below("/usr/lib", None))
    os.makedirs(target, exist_ok=True)
    while want > (64 << 10):
        name = os.path.join(target, "archive-%03d.tar.gz" % number)
        with gzip.GzipFile(name, "wb", 6, mtime=0) as pressed, \
                tarfile.open(fileobj=pressed, mode="w") as tar:
            size = 0
            while size < min(8 << 20, want):
                path = next(paths, None)
                if path is None:
                    return
                with open(path, "rb") as source:
                    data = source.read(8 << 20)
                info = tarfile.TarInfo(path.lstrip("/"))
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
                size += len(data)
        want -= os.path.getsize(name)
        number += 1


def gather(target, mib):
    third = (mib << 20) // 3
    for title, places, text in (("text", TEXT, True), ("programs", BINARY, False),
                                ("compressed", PRESSED, None)):
        got = take(places, third, text, os.path.join(target, title))
        if title == "compressed":
            fill(third - got, os.path.join(target, title, "made"))
    sizes = [os.lstat(os.path.join(folder, name)).st_size
             for folder, _, names in os.walk(target) for name in names]
    print("corpus: %d files, %.1f MiB" % (len(sizes), sum(sizes) / (1 << 20)), file=sys.stderr)
    return sum(sizes)


# ---- running and measuring ----

class Watch(threading.Thread):
    """Notes the VmHWM of processes while they run. It only grows, so looking now and then is enough."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.peaks = dict.fromkeys(pids, 0)
        self.end = threading.Event()

    def look(self):
        for pid in self.peaks:
            try:
                with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as status:
                    for row in status:
                        if row.startswith("VmHWM:"):
                            self.peaks[pid] = max(self.peaks[pid], int(row.split()[1]))
            except OSError:
                continue

    def run(self):
        while not self.end.wait(0.03):
            self.look()


class Cost:
    def __init__(self, wall, cpu, peak):
        self.wall, self.cpu, self.peak = wall, cpu, peak


def measure(pipeline, env=None, source=None, target=None, cwd=None, secret=None, flush=None):
    """Runs commands, each with the output of the one before; `target` gets what the last one says."""
    begun = time.monotonic()
    first = open(source, "rb") if source else subprocess.DEVNULL
    if secret is not None:
        reading, writing = os.pipe()
        os.write(writing, secret.encode() + b"\n")
        os.close(writing)
        first = os.fdopen(reading, "rb")
    last = open(target, "wb") if target else subprocess.DEVNULL
    running, before = [], first
    for number, words in enumerate(pipeline):
        ends = number + 1 == len(pipeline)
        process = subprocess.Popen(words, env=env, cwd=cwd, stdin=before, stderr=subprocess.PIPE,
                                   stdout=last if ends else subprocess.PIPE)
        if hasattr(before, "close"):
            before.close()
        before = process.stdout
        running.append(process)
    watch = Watch([p.pid for p in running])
    watch.start()
    cpu = 0.0
    for process, words in zip(running, pipeline):
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError("%s: %d: %s" % (words, process.returncode, said.decode()))
        cpu += used.ru_utime + used.ru_stime
    watch.end.set()
    watch.join()
    if target:
        os.fsync(last.fileno())
        last.close()
    if flush:
        subprocess.run(["sync", *flush], check=True)
    return Cost(time.monotonic() - begun, cpu, sum(watch.peaks.values()) / 1024)


class Setting:
    """What all subjects share: the corpus, a folder to work in, and keys."""

    def __init__(self, base, args):
        self.base, self.build = base, args.build
        self.corpus = os.path.join(base, "corpus")
        self.vault = os.path.abspath(os.path.join(args.build, "vault"))
        self.catalogue = os.path.abspath(os.path.join(args.build, "catalogue.tsv"))
        self.inbox = os.path.join(base, "inbox")
        self.identity = os.path.join(base, "age.key")
        self.env = dict(os.environ, PVAULT_HOME=os.path.join(base, "home"), LANG="C.UTF-8",
                        PVAULT_CATALOGUE=self.catalogue, GNUPGHOME=os.path.join(base, "gnupg"))
        subprocess.run(["age-keygen", "-o", self.identity], check=True, stderr=subprocess.DEVNULL)
        said = subprocess.run(["age-keygen", "-y", self.identity], check=True, capture_output=True)
        self.recipient = said.stdout.decode().strip()
        said = subprocess.run([self.vault, "key", "new", "--name", "bench", "--passphrase-fd", "0",
                               "--json"], env=self.env, check=True, input=(PASS + "\n").encode(),
                              capture_output=True).stdout.decode()
        self.me = "age1" + said.split("age1", 1)[1].split('"')[0]
        if shutil.which("gpg"):
            os.makedirs(self.env["GNUPGHOME"], 0o700)
            self.gpg("--batch", "--pinentry-mode", "loopback", "--passphrase", "",
                     "--quick-generate-key", "bench@example.org", "future-default", "default", "0")

    def gpg(self, *words):
        subprocess.run(["gpg", *words], env=self.env, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def close(self):
        if shutil.which("gpgconf"):
            subprocess.run(["gpgconf", "--kill", "all"], env=self.env, check=False)


class Vault:
    needs, slow = (), False

    def __init__(self, name, *words):
        self.name, self.words = name, words

    def pack(self, s, out):
        words = [s.vault, "pack", s.corpus, "--to", s.me, "-o", out, "--passphrase-fd", "0", *self.words]
        return measure([words], s.env, secret=PASS, flush=[out])

    def unpack(self, s, out):
        words = [s.vault, "unpack", out, "-C", s.inbox, "--passphrase-fd", "0"]
        return measure([words], s.env, secret=PASS, flush=["-f", s.inbox])


TAR = ["tar", "-cf", "-", "corpus"]
UNTAR = ["tar", "-xf", "-"]


class Pipeline:
    """tar, something that presses perhaps, something that seals."""

    def __init__(self, name, needs, press, unpress, seal, unseal):
        self.name, self.needs, self.slow = name, needs, name == "tar gpg"
        self.steps = [TAR, *([press] if press else []), seal]
        self.back = [unseal, *([unpress] if unpress else []), UNTAR]

    def words(self, s, steps):
        return [[w.format(recipient=s.recipient, identity=s.identity) for w in step] for step in steps]

    def pack(self, s, out):
        return measure(self.words(s, self.steps), s.env, cwd=s.base, target=out)

    def unpack(self, s, out):
        return measure(self.words(s, self.back), s.env, cwd=s.inbox, source=out, flush=["-f", s.inbox])


class SevenZip:
    needs, slow = ("7z",), True

    def __init__(self, name, *words):
        self.name, self.words = name, words

    def pack(self, s, out):
        words = ["7z", "a", "-t7z", "-mhe=on", "-p" + PASS, "-bd", *self.words, out, "corpus"]
        return measure([words], s.env, cwd=s.base, flush=[out])

    def unpack(self, s, out):
        return measure([["7z", "x", "-bd", "-p" + PASS, "-o" + s.inbox, out]], s.env,
                       flush=["-f", s.inbox])


AGE = (["age", "-r", "{recipient}"], ["age", "-d", "-i", "{identity}"])
GPG = (["gpg", "--batch", "--trust-model", "always", "-r", "bench@example.org", "-e", "-o", "-"],
       ["gpg", "--batch", "--quiet", "-d"])
GPG_PLAIN = (GPG[0] + ["-z", "0"], GPG[1])
ZSTD = ["zstd", "-q", "-3", "-c"]
UNZSTD = ["zstd", "-q", "-d", "-c"]
SUBJECTS = [
    Vault("vault"),
    Vault("vault none", "--compress", "none"),
    Pipeline("tar age", ("age",), None, None, *AGE),
    Pipeline("tar zstd age", ("age", "zstd"), ZSTD, UNZSTD, *AGE),
    Pipeline("tar zstd -T0 age", ("age", "zstd"), ZSTD + ["-T0"], UNZSTD, *AGE),
    Pipeline("tar gpg", ("gpg",), None, None, *GPG),
    Pipeline("tar gpg -z0", ("gpg",), None, None, *GPG_PLAIN),
    Pipeline("tar zstd gpg", ("gpg", "zstd"), ZSTD, UNZSTD, *GPG_PLAIN),
    SevenZip("7z -mx1", "-mx=1"),
    SevenZip("7z"),
]
# Who is compared with whom: those of comparable size.
PEERS = {"vault none": ("tar age", "tar gpg -z0")}
TITLES = ["pack, s", "pack, CPU s", "pack, MiB", "size, MiB", "unpack, s", "unpack, CPU s", "unpack, MiB"]


def one_round(subject, s, values, packs, unpacks):
    out = os.path.join(s.base, "out." + ("7z" if subject.needs == ("7z",) else "age"))
    packed = subject.pack(s, out)
    if packs:
        note(values, TITLES[:4], (packed.wall, packed.cpu, packed.peak,
                                  os.path.getsize(out) / (1 << 20)))
    if unpacks:
        os.makedirs(s.inbox)
        got = subject.unpack(s, out)
        note(values, TITLES[4:], (got.wall, got.cpu, got.peak))
        compare(s)
        shutil.rmtree(s.inbox)
    os.unlink(out)
    subprocess.run(["sync", "-f", s.base], check=True)


def note(values, titles, measured):
    for title, value in zip(titles, measured):
        values.setdefault(title, []).append(value)


def compare(s):
    """A quick archiver that loses something is not quick."""
    subprocess.run(["diff", "-rq", s.corpus, os.path.join(s.inbox, "corpus")], check=True)


# ---- listing ----

def list_pack(s, rounds):
    """CPU of `inspect` on a pack of the corpus: with the staff key, whose unlocking takes what scrypt is
    meant to take, and with an age identity, which is the listing alone."""
    pack = os.path.join(s.base, "list.age")
    measure([[s.vault, "pack", s.corpus, "--to", s.me, "--to", s.recipient, "-o", pack,
              "--passphrase-fd", "0"]], s.env, secret=PASS)
    ways = {"list, with the staff key": ["--passphrase-fd", "0"],
            "list, with an age identity": ["-i", s.identity]}
    costs = {title: [] for title in ways}
    for _ in range(max(rounds, 9)):
        for title, words in ways.items():
            cost = measure([[s.vault, "inspect", pack, *words]], s.env, secret=PASS)
            costs[title].append(cost.cpu)
    return {title: statistics.median(values) for title, values in costs.items()}


# ---- tables ----

def middle(title, values):
    """None where nothing was measured yet."""
    if not values:
        return None
    return max(values) if title.endswith("pack, MiB") else statistics.median(values)


def cell(value, other=1):
    return "-" if value is None or other is None else "%.2f" % (value / other)


def table(results):
    rows = [["", *TITLES]]
    middles = {name: {t: middle(t, v.get(t)) for t in TITLES} for name, v in results.items()}
    for name, values in middles.items():
        rows.append([name] + [cell(values[t]) for t in TITLES])
    for ours in ("vault", "vault none"):
        for name in middles:
            if ours not in middles or name.startswith("vault") or name not in PEERS.get(ours, results):
                continue
            rows.append(["%s / %s" % (ours, name)] +
                        [cell(middles[ours][t], middles[name][t]) for t in TITLES])
    return rows


def show(rows, markdown):
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(text.ljust(w) for text, w in zip(row, widths)), flush=True)
    if markdown:
        with open(markdown, "w", encoding="utf-8") as out:
            for i, row in enumerate(rows):
                out.write("| " + " | ".join(row) + " |\n")
                if i == 0:
                    out.write("|" + "---|" * len(row) + "\n")


def present(args):
    wanted = args.only.split(",") if args.only else [s.name for s in SUBJECTS]
    for subject in SUBJECTS:
        missing = [p for p in subject.needs if not shutil.which(p)]
        if subject.name in wanted and missing:
            print("%s: %s is not installed: left out" % (subject.name, ", ".join(missing)),
                  file=sys.stderr)
        elif subject.name in wanted:
            yield subject


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=1024, help="MiB of the corpus")
    parser.add_argument("--where", default=None)
    parser.add_argument("--only", default=None)
    parser.add_argument("--all", action="store_true", help="all rounds alike")
    parser.add_argument("--markdown")
    args = parser.parse_args()
    base = tempfile.mkdtemp(prefix="vault-bench-", dir=args.where)
    s = None
    results = {}
    try:
        s = Setting(base, args)
        gather(s.corpus, args.size)
        subprocess.run(["sync", "-f", base], check=True)
        for number in range(args.rounds):
            for subject in present(args):
                if subject.slow and number + 1 < args.rounds and not args.all:
                    continue
                one_round(subject, s, results.setdefault(subject.name, {}), True, args.all)
                print("round %d of %d: %s done" % (number + 1, args.rounds, subject.name),
                      file=sys.stderr)
            show(table(results), args.markdown)
        for title, cpu in list_pack(s, args.rounds).items():
            print("%s: %.0f ms of CPU" % (title, cpu * 1000), flush=True)
        for subject in present(args) if not args.all else ():
            one_round(subject, s, results[subject.name], False, True)
            show(table(results), args.markdown)
    finally:
        if s:
            s.close()
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""The picture of the auditor's report in the README: a small society plays two months, with a clock that
leaps from one deed to the next (a few lines of C between the program and the system's clock), and a
browser photographs the page that `vault audit report` makes of it.

    BUILD=build tests/picture.py [--lang ja] [--page FILE.html] [-o docs/report.png]

Needs /dev/fuse, gcc and chromium with a Japanese font (fonts-noto-cjk)."""
import argparse
import datetime
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "cli"))
import cli  # noqa: E402

CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
/* CLOCK_REALTIME is as far from the true one as the file $LEAP says. */
int clock_gettime(clockid_t id, struct timespec *ret)
{
	static int (*real)(clockid_t, struct timespec *);
	static volatile int64_t *leap;

	if (!real) {
		int fd = open(getenv("LEAP"), O_RDONLY | O_CLOEXEC);
		leap = mmap(NULL, 8, PROT_READ, MAP_SHARED, fd, 0);
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	}
	if (real(id, ret) != 0)
		return -1;
	if (id == CLOCK_REALTIME && leap != MAP_FAILED)
		ret->tv_sec += *leap;
	return 0;
}
"""
STAFF = {"kato": ("honbu-1", "本部"), "sato": ("osaka-1", "大阪"), "tanaka": ("osaka-2", "大阪"),
         "suzuki": ("nagoya-1", "名古屋"), "ito": ("nagoya-1", "名古屋")}
MEDIA = {"U-001": ("レセプト 大阪", "receipt", "sato tanaka"), "U-002": ("健診 大阪", "checkup", "sato tanaka"),
         "U-003": ("健診 名古屋", "checkup", "suzuki ito"), "U-004": ("補助金 名古屋", "subsidy", "suzuki"),
         "U-005": ("被扶養者 本部", "household", "kato tanaka")}


class Society:
    def __init__(self, place):
        self.place, self.share = place, place.make("share")
        self.hosts, self.vaults, self.sticks = {}, {}, {}
        source = place.write("clock.c", CLOCK.encode())
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", place.path("clock.so"), source], check=True)
        self.leap = place.write("leap", struct.pack("q", 0))
        os.environ.update(LEAP=self.leap, LD_PRELOAD=place.path("clock.so"))

    def at(self, when):
        """"10-05 09:12" of 2026."""
        then = datetime.datetime.strptime("2026-" + when, "%Y-%m-%d %H:%M").timestamp()
        with open(self.leap, "r+b") as file:
            file.write(struct.pack("q", int(then - time.time())))

    def ask(self, name, *words, code=0):
        return self.hosts[STAFF[name][0]].ask(*words, "--key", name).wants(code)

    def sync(self, *hosts):
        for host in hosts or list(self.hosts) * 2:
            self.hosts[host].run("sync", self.share).wants(0)

    def join(self, name):
        host, site = STAFF[name]
        if host not in self.hosts:
            self.hosts[host] = cli.Host(self.place.path(host), key=False)
        made = self.ask_key(host, name)
        shown = self.hosts[host].run("key", "show", "--name", name, "--json").wants(0).result()
        if name == "kato":
            org = self.ask("kato", "org", "init", "--name", "北健康保険組合", "--site", site, "--json")
            self.words = org.result()["words"]
            key = self.hosts[host].run("host", "show", "--json").wants(0).result()["key"]
            self.ask("kato", "host", "add", host, key, "--site", site)
            self.sync("honbu-1")
            return
        if self.hosts[host].run("sync", self.share).code == 31:
            self.hosts[host].run("sync", self.share, "--accept", self.words).wants(0)
            key = self.hosts[host].run("host", "show", "--json").wants(0).result()["key"]
            self.ask("kato", "host", "add", host, key)
        self.ask("kato", "staff", "add", name, made, "--signs", shown["signs"], "--site", site, "--trained",
                 "2027-03-31")

    def ask_key(self, host, name):
        made = self.hosts[host].ask("key", "new", "--name", name, "--work-factor", "10", "--json")
        return made.wants(0).result()["recipient"]

    def medium(self, number):
        label, category, who = MEDIA[number]
        folder = self.sticks[number] = self.place.make("stick-" + number)
        made = self.ask("kato", "init", folder, "--label", label, "--number", number, "--category", category,
                        "--json")
        self.vaults[number] = made.result()["path"]
        for name in who.split():
            if name != "kato":
                ticket = self.place.path("ticket-%s-%s" % (number, name))
                self.ask("kato", "grant", self.vaults[number], "--to", name, "--ticket", ticket)
                self.ask(name, "enrol", ticket)

    def open(self, name, number, when):
        self.at(when)
        point = self.place.path("mnt-%s-%s" % (name, number))
        done = self.ask(name, "mount", self.vaults[number], point, "--json")
        with open(os.path.join(point, "月次.csv"), "ab") as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
        return done

    def use(self, name, number, begin, end):
        self.open(name, number, begin)
        self.at(end)
        self.hosts[STAFF[name][0]].run("eject", self.vaults[number]).wants(0)

    def pull(self, name, number, begin, end):
        """The stick leaves while it is open."""
        self.open(name, number, begin)
        self.at(end)
        folder = self.sticks[number]
        os.rename(folder, folder + ".gone")
        self.wait(name, "removed")
        os.rename(folder + ".gone", folder)

    def crash(self, name, number, begin):
        """The computer goes off while it is open."""
        self.open(name, number, begin)
        mine = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self.is_of(name, pid)]
        for how in (signal.SIGSTOP, signal.SIGKILL):
            for pid in mine:
                os.kill(pid, how)
        cli.close_all(self.place.folder)

    def is_of(self, name, pid):
        try:
            with open("/proc/%d/environ" % pid, "rb") as file:
                return ("PVAULT_HOME=" + self.hosts[STAFF[name][0]].home).encode() in file.read().split(b"\0")
        except OSError:
            return False

    def wait(self, name, event):
        for _ in range(300):
            if self.hosts[STAFF[name][0]].log()[-1]["event"] == event:
                return
            time.sleep(0.1)
        raise AssertionError("no " + event)

    def lend(self, name, number, day, until):
        self.at(day + " 08:40")
        asked = self.ask(name, "checkout", number, "--until", "2026-" + until, "--destination", "健診機関",
                         "--purpose", MEDIA[number][1] + ".1", "--persons", "820", "--json")
        self.sync()
        self.at(day + " 08:55")
        self.ask("kato", "checkout", "approve", asked.result()["checkout"])
        self.sync()


def plain_days(s, name, number, first, last, every, dice):
    """Ordinary openings: on every few working days, some of them twice."""
    day = datetime.date(2026, *(int(n) for n in first.split("-")))
    end = datetime.date(2026, *(int(n) for n in last.split("-")))
    while day <= end:
        if day.weekday() < 5:
            for hour in sorted(dice.sample([9, 10, 13, 14, 16], dice.choice([1, 1, 2]))):
                minute = dice.randrange(50)
                yield ("%s %02d:%02d" % (day.strftime("%m-%d"), hour, minute), s.use, name, number,
                       "%s %02d:%02d" % (day.strftime("%m-%d"), hour + dice.choice([0, 0, 1]), minute + 9))
        day += datetime.timedelta(days=dice.choice(every))


def play(s):
    dice = random.Random(6)
    s.at("09-28 09:00")
    for name in STAFF:
        s.join(name)
    s.sync()
    s.at("09-29 10:00")
    for number in MEDIA:
        s.medium(number)
    s.sync()
    deeds = []
    for name, number, first, last, every in (
            ("sato", "U-001", "10-01", "11-19", (1, 2)), ("tanaka", "U-001", "10-06", "11-16", (5, 7)),
            ("sato", "U-002", "10-02", "10-26", (4, 6)), ("tanaka", "U-002", "11-02", "11-18", (2, 3)),
            ("suzuki", "U-003", "10-05", "11-06", (2, 3)), ("ito", "U-003", "10-19", "11-02", (4, 5)),
            ("suzuki", "U-004", "10-01", "11-17", (6, 8)), ("kato", "U-005", "10-09", "11-20", (9, 12)),
            ("tanaka", "U-005", "11-04", "11-13", (3, 4))):
        deeds += plain_days(s, name, number, first, last, every, dice)
    deeds.append(("10-14 17:05", s.pull, "tanaka", "U-002", "10-14 17:48"))
    deeds.append(("10-27 17:31", s.crash, "suzuki", "U-004"))
    loans = [("10-06 08:00", "suzuki", "U-003", "10-16"), ("11-02 08:00", "suzuki", "U-003", "11-13"),
             ("10-19 08:00", "sato", "U-002", "10-23")]
    deeds += [(when, s.lend, name, number, until) for when, name, number, until in loans]
    deeds += [("10-15 18:40", give_back, s, "U-003"), ("10-22 18:30", give_back, s, "U-002"),
              ("11-09 10:00", lose, s, "U-003")]
    busy = {}
    for deed in sorted(deeds, key=lambda d: d[0]):
        when, do = deed[:2]
        if do in (s.use, s.pull, s.crash):
            name, number = deed[2:4]
            if busy.get(number, "") >= when:
                continue
            busy[number] = deed[4] if len(deed) > 4 else when
            do(name, number, when, *deed[4:])
        elif do == s.lend:
            do(deed[2], deed[3], when[:5], deed[4])
        else:
            s.at(when)
            do(*deed[2:])
    s.at("11-20 17:00")
    s.sync()


def give_back(s, number):
    s.ask("kato", "checkin", number, "--place", "金庫 1")
    s.sync()


def lose(s, number):
    s.sync()
    s.ask("kato", "revoke", number, "--reason", "lost", "--confirm", number)
    s.ask("kato", "incident", number, "-o", s.place.path("incident.md"), "--known-since", "2026-11-09T09:00")
    s.sync()


def photograph(page, path, width=900, height=1500):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                    "--window-size=%d,%d" % (width, height), "--screenshot=" + path, "file://" + page],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def read_png(path):
    """Width, height, bytes of a pixel, and the rows without their filters; 8 bits a sample."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed, kind = 8, b"", None
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if name == b"IHDR":
            width, height, depth, kind = struct.unpack(">IIBB", body[:10])
            assert depth == 8 and kind in (2, 6)
        packed += body if name == b"IDAT" else b""
        at += size + 12
    step, raw = {2: 3, 6: 4}[kind], zlib.decompress(packed)
    rows, before, stride = [], bytearray(width * step), width * step
    for y in range(height):
        how, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride if how else 0):
            a, b = line[x - step] if x >= step else 0, before[x]
            c = before[x - step] if x >= step else 0
            if how == 4:
                p = a + b - c
                best = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line[x] = (line[x] + (a if how == 1 else b if how == 2 else (a + b) // 2 if how == 3 else best)) & 255
        rows.append(line)
        before = line
    return width, height, step, rows


def write_grey(path, width, rows):
    """Sixteen greys are enough for black text on paper, and small."""
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    lines = b"".join(b"\0" + bytes((row[x] << 4) | (row[x + 1] if x + 1 < width else 0)
                                   for x in range(0, width, 2)) for row in rows)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, len(rows), 4, 0, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))


def to_grey(path):
    width, _, step, rows = read_png(path)
    write_grey(path, width, [[min(15, (299 * r[i] + 587 * r[i + 1] + 114 * r[i + 2] + 8500) // 17000)
                              for i in range(0, width * step, step)] for r in rows])


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--lang", default="ja")
    words.add_argument("--page")
    words.add_argument("--height", type=int, default=1080)
    words.add_argument("-o", default="docs/report.png")
    words = words.parse_args()
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    folder = tempfile.mkdtemp(prefix="vault-picture-")
    try:
        s = Society(cli.Place(folder))
        play(s)
        page = s.place.path("report.html")
        for lang in sorted({"ja", "en", words.lang}):
            s.hosts["honbu-1"].run("audit", "report", s.share, "-o", s.place.path(lang + ".html"), "--from",
                                   "2026-10-01", "--to", "2026-11-20", "--lang", lang).wants(0)
        shutil.copy(s.place.path(words.lang + ".html"), page)
        os.environ.pop("LD_PRELOAD")
        if words.page:
            for lang in ("ja", "en"):
                shutil.copy(s.place.path(lang + ".html"), re.sub(r"(\.html)?$", "." + lang + ".html", words.page, 1))
        photograph(page, words.o, height=words.height)
        to_grey(words.o)
        print(words.o, os.path.getsize(words.o), "bytes")
    finally:
        os.environ.pop("LD_PRELOAD", None)
        cli.close_all(folder)
        shutil.rmtree(folder, ignore_errors=True)


main()

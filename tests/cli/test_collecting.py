#!/usr/bin/env python3
"""Logs of several computers through a real rsyslogd with the configuration that the manual gives: what
arrives is the log, byte by byte, and the auditor's verdict on it is the same."""
import os
import shutil
import socket
import struct
import subprocess
import time

import cli

CONF = os.path.join(cli.ROOT, "docs", "rsyslog-collector.conf")


class Collector:
    def __init__(self, place):
        self.socket, self.folder, self.pid = place.path("log.sock"), place.make("in"), place.path("pid")
        with open(CONF, encoding="utf-8") as file:
            text = file.read()
        for old, new in (("/var/spool/rsyslog", place.make("spool")), ("/run/portable-vault/log", self.socket),
                         ("/srv/vault-logs", self.folder)):
            assert old in text, old
            text = text.replace(old, new)
        conf = place.write("rsyslog.conf", text.encode())
        self.process = subprocess.Popen([shutil.which("rsyslogd", path="/usr/sbin:/sbin:" + os.environ["PATH"]),
                                         "-n", "-i", self.pid, "-f", conf], stderr=subprocess.DEVNULL)
        for _ in range(100):
            if os.path.exists(self.socket):
                return
            time.sleep(0.1)
        raise AssertionError("rsyslogd does not listen")

    def end(self):
        self.process.terminate()
        self.process.wait(30)


def what_arrives_is_the_log(place):
    if not shutil.which("rsyslogd", path="/usr/sbin:/sbin:" + os.environ["PATH"]):
        return "no rsyslogd here"
    collector = Collector(place)
    more = {"env": {"PVAULT_FORWARD": "syslog:" + collector.socket}}
    try:
        hosts = [place.host("osaka", key=False), place.host("tokyo", key=False)]
        for host in hosts:
            host.ask("key", "new", "--name", "佐藤", "--work-factor", "10", **more).wants(0)
            made = host.ask("init", place.make("usb-" + host.name), "--label", "大阪-03", "--json", **more)
            vault = made.wants(0).result()["path"]
            for number in range(3):
                host.ask("cp", place.write("f%d" % number), vault + ":/", **more).wants(0)
        time.sleep(1)
    finally:
        collector.end()
    for host in hosts:
        with open(os.path.join(host.home, "log", "host.jsonl"), "rb") as file:
            own = file.read()
        name = host.log()[0]["host"]
        with open(os.path.join(collector.folder, name, "host.jsonl"), "rb") as file:
            assert file.read() == own, name
    result = hosts[0].run("audit", "verify", collector.folder, "--json").wants(0).result()
    assert result["hosts"] == 2 and result["openings"] == 6, result


def the_journal_finds_no_file_name_on_the_command_line(place):
    """journald stores the sender's command line, which it reads itself, beside what was sent."""
    host = place.host("osaka")
    vault = host.init(place.make("usb"))
    host.ask("cp", place.write("名簿.csv", os.urandom(1 << 20)), vault + ":/").wants(0)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(place.path("journal.sock"))
        journal.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        journal.settimeout(60)
        got, output = os.pipe()  # full before the file ends, so that the sender is there to be looked at
        with open(place.write("word", cli.PASSPHRASE.encode() + b"\n"), "rb") as word:
            process = subprocess.Popen([cli.VAULT, "--passphrase-fd", str(word.fileno()), "cat", vault + ":/名簿.csv"],
                                       env=dict(host.env(), PVAULT_FORWARD="journal:" + place.path("journal.sock")),
                                       stdout=output, pass_fds=(word.fileno(),))
        os.close(output)
        _, extra, _, _ = journal.recvmsg(65536, socket.CMSG_SPACE(12))
        pid, _, _ = struct.unpack("3i", extra[0][2])
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            words = file.read().rstrip(b"\0").split(b"\0")
        with open(got, "rb") as file:
            assert len(file.read()) == 1 << 20
        assert process.wait(60) == 0
    assert os.path.basename(words[0]) == b"vault" and words[1:] == [b"cat"], words


if __name__ == "__main__":
    cli.main(what_arrives_is_the_log, the_journal_finds_no_file_name_on_the_command_line)

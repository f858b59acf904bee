#!/usr/bin/env python3
"""Logs of several computers through a real rsyslogd with the configuration that the manual gives: what
arrives is the log, byte by byte, and the auditor's verdict on it is the same."""
import os
import shutil
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


if __name__ == "__main__":
    cli.main(what_arrives_is_the_log)

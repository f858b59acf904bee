#!/usr/bin/env python3
"""The auditor's page: its numbers are those of the logs, in both languages; names in a log are text and
nothing else; a changed log is told; and in a real browser nothing stands beyond the paper."""
import os
import re
import shutil
import subprocess

import cli

os.environ["TZ"] = "Asia/Tokyo"


def page(host, path, *words, code=0):
    host.run("audit", "report", "-o", path, *words).wants(code)
    with open(path, encoding="utf-8") as file:
        return file.read()


def used(place, label="OSAKA-03"):
    host = place.host("kato")
    vault = host.init(place.make("usb"), label)
    host.ask("cp", place.write("a", b"x"), vault + ":/").wants(0)
    return host


def the_numbers_are_those_of_the_log(place):
    host = used(place)
    records = host.run("log", "--json").wants(0).json()
    openings = [r for r in records if r["event"] == "unlock" and r["result"] == "ok"]
    done = host.run("audit", "report", "-o", place.path("j.html"), "--json").wants(0).result()
    assert done["records"] == len(records) and done["openings"] == len(openings), done
    english = page(host, place.path("e.html"), "--lang", "en")
    assert "Records: %d. Openings: %d." % (len(records), len(openings)) in english
    japanese = page(host, place.path("n.html"), "--lang", "ja", "--era", "wareki")
    assert "記録 %d 件、開錠 %d 件" % (len(records), len(openings)) in japanese
    assert '<html lang="ja">' in japanese and "令和" in japanese and "監査記録の連鎖検証" in japanese
    for text in (english, japanese):
        assert not re.search(r"<script|https?:|src=|href=|@import|url\(", text)
        assert records[-1]["host"] in text
        assert len(re.findall(r"<tr[^>]*><td>\d+</td>", text)) >= 23


def a_period_leaves_out_what_is_not_in_it(place):
    host = used(place)
    text = page(host, place.path("r.html"), "--from", "2001-01-01", "--to", "2001-12-31", "--lang", "en")
    assert "Records: 0. Openings: 0." in text and "2001-01-01 – 2001-12-31" in text
    host.run("audit", "report", "-o", place.path("x"), "--from", "2002-01-01", "--to", "2001-01-01").wants(2)


def a_name_is_text(place):
    text = page(used(place, "<b>&\"'"), place.path("r.html"), "--lang", "en")
    assert "<b>" not in text and "&lt;b&gt;&amp;&quot;&#39;" in text


def a_changed_log_is_in_the_report(place):
    host = used(place)
    copy = place.path("copy")
    shutil.copytree(host.home, copy)
    log = os.path.join(copy, "log", "host.jsonl")
    with open(log, "rb") as file:
        lines = file.read().replace(b'"event":"unlock"', b'"event":"export"')
    with open(log, "wb") as file:
        file.write(lines)
    text = page(host, place.path("r.html"), copy, "--lang", "ja", code=21)
    row = re.search(r"<tr[^>]*><td>15</td>.*", text).group(0)
    assert "<td>否</td>" in row, row


def nothing_stands_beyond_the_paper(place):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser:
        return "no chromium here"
    path = place.path("r.html")
    page(used(place), path, "--lang", "ja")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    probe = place.write("probe.html", text.replace("</body>", "<script>document.title='W'+"
                        "(document.documentElement.scrollWidth<=innerWidth)</script></body>").encode())
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=794,1123",
                           "--dump-dom", "file://" + probe], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=120)
    assert b"<title>Wtrue</title>" in done.stdout, done.stdout[:400]
    return None


cli.main(the_numbers_are_those_of_the_log, a_period_leaves_out_what_is_not_in_it, a_name_is_text,
         a_changed_log_is_in_the_report, nothing_stands_beyond_the_paper)

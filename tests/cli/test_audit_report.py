#!/usr/bin/env python3
"""The auditor's page: its numbers are those of the logs, in both languages; names in a log are text and
nothing else; a changed log is told; and in a real browser nothing stands beyond the paper, everything
can be read in black and white, and no meaning hangs on a colour."""
import html
import json
import os
import re
import shutil
import subprocess
import time

import cli

os.environ["TZ"] = "Asia/Tokyo"
time.tzset()
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def page(host, path, *words, code=0):
    host.run("audit", "report", "-o", path, *words).wants(code)
    with open(path, encoding="utf-8") as file:
        return file.read()


def used(place, label="OSAKA-03"):
    host = place.host("kato")
    vault = host.init(place.make("usb"), label)
    host.ask("cp", place.write("a", b"x"), vault + ":/").wants(0)
    return host


def figures(text):
    """The numbers of the summary: computers, records, openings, those without a clean end, packs."""
    return [int(n) for n in re.findall(r"<td><b>(\d+)</b>", text)]


def item(text, number):
    return re.search(r"<tr[^>]*><td>%d</td>.*" % number, text).group(0)


class Story:
    """A log as somebody could have written it: nothing of it is signed, which the report tells, and goes on.
    So a page can have years of openings, and events and names as no program of today makes them."""

    def __init__(self, place, name, host="h-00000000000000aa"):
        self.path, self.host, self.seq = place.path(name, "log", "host.jsonl"), host, 0
        os.makedirs(os.path.dirname(self.path))
        self.lines = []

    def add(self, event, when, **fields):
        self.seq += 1
        stamp = when if isinstance(when, str) else time.strftime("%Y-%m-%dT%H:%M:%S+09:00", time.localtime(when))
        record = {"schema": "vault.audit/1", "seq": self.seq, "ts": stamp, "host": self.host,
                  "actor": fields.pop("actor", "sato/0123456789abcdef"), "event": event,
                  "result": fields.pop("result", "ok")}
        record.update(fields, prev="0" * 64, sig="A" * 86 + "==")
        self.lines.append(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")

    def session(self, medium, begin, end, how="lock", **fields):
        session = "%032x" % (self.seq + 1)
        volume = "%032x" % (hash_of(medium) + 1)
        self.add("unlock", begin, volume_id=volume, label=medium, session=session, **fields)
        if how:
            self.add(how, end, volume_id=volume, label=medium, session=session, **fields)

    def write(self):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("".join(self.lines))
        return os.path.dirname(os.path.dirname(self.path))


def hash_of(text):
    return int.from_bytes(text.encode()[:12].ljust(12, b"-"), "big")


def moment(text):
    return int(time.mktime(time.strptime(text, "%Y-%m-%d %H:%M")))


def the_numbers_are_those_of_the_log(place):
    host = used(place)
    records = host.run("log", "--json").wants(0).json()
    openings = [r for r in records if r["event"] == "unlock" and r["result"] == "ok"]
    done = host.run("audit", "report", "-o", place.path("j.html"), "--json").wants(0).result()
    assert done["records"] == len(records) and done["openings"] == len(openings), done
    english = page(host, place.path("e.html"), "--lang", "en")
    japanese = page(host, place.path("n.html"), "--lang", "ja", "--era", "wareki")
    assert '<html lang="ja">' in japanese and "令和" in japanese and "監査記録の連鎖検証" in japanese
    for text in (english, japanese):
        assert figures(text) == [1, len(records), len(openings), 0, 0], figures(text)
        assert not re.search(r"<script|https?:|src=|href=|@import|url\((?!#)", text)
        assert records[-1]["host"] in text
        assert [int(n) for n in re.findall(r"<tr[^>]*><td>(\d+)</td>", text)] == list(range(1, 24))
    for field in ("点検番号", "対象期間", "点検日", "対象部署", "点検者", "確認者(個人情報取扱責任者)", "監事提出日", "署名"):
        assert "<th>%s</th>" % field in japanese, field


def a_period_leaves_out_what_is_not_in_it(place):
    host = used(place)
    text = page(host, place.path("r.html"), "--from", "2001-01-01", "--to", "2001-12-31", "--lang", "en")
    assert figures(text) == [1, 0, 0, 0, 0] and "2001-01-01 – 2001-12-31" in text
    host.run("audit", "report", "-o", place.path("x"), "--from", "2002-01-01", "--to", "2001-01-01").wants(2)


def a_name_is_text(place):
    text = page(used(place, "<b>&\"'"), place.path("r.html"), "--lang", "en")
    assert "<b>&" not in text and "&lt;b&gt;&amp;&quot;&#39;" in text
    forged = Story(place, "forged", host="<u>x</u>")
    forged.session("<i>y</i>", moment("2026-04-01 09:00"), moment("2026-04-01 10:00"), actor="<s>z</s>/0")
    text = page(place.host("other"), place.path("f.html"), forged.write(), code=21)
    assert not re.search("<[uis]>[xyz]", text) and "&lt;u&gt;x" in text and "&lt;s&gt;z" in text


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
    assert "<td>▲ 否</td>" in item(text, 15), item(text, 15)
    head = text[:text.index("要確認事項")]
    assert "監査記録 1 台分のうち 1 台分に、改変または欠落があります" in head, head


def endings(place):
    """Two computers; a clean end, a stick pulled out, one that the next computer tells, and silence."""
    osaka, nagoya = Story(place, "osaka"), Story(place, "nagoya", "h-00000000000000bb")
    day = moment("2026-04-01 09:00")
    osaka.session("KENSHIN", day, day + 3600)
    osaka.session("KENSHIN", day + 86400, day + 90000, "removed")
    osaka.session("SHIKAKU", day + 2 * 86400, 0, None)
    nagoya.add("unclean", day + 3 * 86400, volume_id="0" * 32, session="%032x" % 5,
               saved_until="2026-04-03T09:30:00+09:00")
    nagoya.session("SHIKAKU", day + 3 * 86400 + 5, day + 3 * 86400 + 600)
    nagoya.session("RECEIPT", day + 4 * 86400, 0, None)
    nagoya.session("RECEIPT", day + 5 * 86400, day + 5 * 86400 + 60)
    osaka.session("KENSHIN", day + 6 * 86400, 0, None)
    return osaka.write(), nagoya.write()


def each_ending_is_told_before_anything_else(place):
    host, copies = place.host("kato"), endings(place)
    for order in (copies, copies[::-1]):
        text = page(host, place.path("r%d.html" % (order == copies)), *order, "--lang", "en", code=21)
        assert figures(text)[2:4] == [7, 3], figures(text)
        head = text[:text.index("<svg")]
        for words in ("KENSHIN: pulled out without eject (sato on h-00000000000000aa, opened on 2026-04-02 09:00)",
                      "SHIKAKU: unclean end (sato on h-00000000000000aa, opened on 2026-04-03 09:00)",
                      "RECEIPT: no end on record (sato on h-00000000000000bb, opened on 2026-04-05 09:00)"):
            assert words in head, words
        assert "<td>2026-04-04 09:00</td><td>SHIKAKU</td><td>sato</td><td>h-00000000000000aa</td>" \
               "<td>unclean end</td><td>2026-04-03 09:30</td><td>h-00000000000000bb:1</td>" in text
        assert re.search("KENSHIN</td>.*<td>still open</td>", text)


def a_lost_medium_stands_first(place):
    host = place.host("kato")
    host.ask("org", "init", "--name", "北健保 <&>").wants(0)
    vault = host.init(place.make("usb"), "KENSHIN", "--number", "U-003")
    host.ask("cp", place.write("a"), vault + ":/").wants(0)
    host.ask("checkout", "U-003", "--until", "2999-01-31", "--destination", "x", "--purpose", "receipt.1",
             "--persons", "3").wants(0)
    host.ask("revoke", "U-003", "--reason", "lost", "--confirm", "U-003").wants(0)
    text = page(host, place.path("r.html"), "--lang", "en")
    assert "北健保 &lt;&amp;&gt;" in text and "Media that were lost: 1." in text
    first = re.search(r'<ul class="exceptions">\s*<li class="bad"><i>▲</i>(.*?)</li>', text).group(1)
    assert re.fullmatch(r"U-003 KENSHIN: revoked on [-0-9 :]+ \(lost\); last opened by kato on .+, [-0-9 :]+", first)
    assert "lost or revoked</span>" in text and text.count("m-5 -5l10 10") == 2, "in the picture and its legend"
    assert "<td>none was set up</td>" in item(text, 19) and "not good" in item(text, 19)
    assert "<td>good</td><td>0</td>" in item(text, 3) and "does not apply" in item(text, 7)
    assert re.search("<tr><td>T-[-0-9]+</td><td>U-003</td><td>kato</td><td>-</td>.*<td>2999-01-31</td><td>-</td>", text)


def what_nobody_knows_is_passed_over(place):
    host, log = place.host("kato"), Story(place, "other")
    log.add("unlock", "2026-04-01T09:00:00+09:00", label="A", session="1" * 32)
    log.add("clock", "2026-03-01T09:00:00+09:00")
    for event in ("rotate", "witness", "of-another-year"):
        log.add(event, "2026-03-01T09:00:00+09:00", session="1" * 32, result="failed", strange=[{}])
    log.add("lock", "2026-03-01T10:00:00+09:00", session="1" * 32)
    copy = log.write()
    text = page(host, place.path("r.html"), copy, "--lang", "en", code=21)
    assert "<td>good</td><td>0</td>" in item(text, 16), item(text, 16)
    assert figures(text)[1:4] == [6, 1, 0], figures(text)
    log.add("unlock", "2026-02-01T09:00:00+09:00", label="A", session="2" * 32)
    log.write()
    text = page(host, place.path("s.html"), copy, "--lang", "en", code=21)
    assert "not good</td><td>1</td><td>h-00000000000000aa:7</td>" in item(text, 16), item(text, 16)


# ---- in a browser ---------------------------------------------------------------------------------------

PROBE = """<!DOCTYPE html><meta charset="utf-8"><body><script>
const pages=%s, widths=[1024,794,680,380], found=[];
function light(c){const v=c.match(/[\\d.]+/g).slice(0,3).map(n=>{n/=255;
  return n<=.03928?n/12.92:Math.pow((n+.055)/1.055,2.4)});return .2126*v[0]+.7152*v[1]+.0722*v[2]}
function grey(c){const v=(c.match(/[\\d.]+/g)||[]).map(Number);
  return !/^rgb/.test(c)||v[3]===0||Math.max(v[0],v[1],v[2])-Math.min(v[0],v[1],v[2])<=4}
function look(name,w,d,win){
  const say=(what,e)=>found.push([name,w,what,e?(e.outerHTML||'').slice(0,160):''].join(' | '));
  if(d.documentElement.scrollWidth>w)say('wider than the window: '+d.documentElement.scrollWidth);
  for(const e of d.querySelectorAll('body *')){
    const r=e.getBoundingClientRect(), s=win.getComputedStyle(e);
    if(r.width&&r.right>w+.5)say('beyond the edge: '+r.right,e);
    if(e.scrollWidth>e.clientWidth+1&&/td|th|p|li/i.test(e.tagName))say('cut',e);
    for(const c of [s.color,s.backgroundColor,s.borderTopColor,s.fill,s.stroke])if(!grey(c))say('colour '+c,e);
    const own=[...e.childNodes].some(n=>n.nodeType===3&&n.data.trim());
    if(!own)continue;
    const ink=light(e.closest('svg')?s.fill:s.color);
    if(1.05/(ink+.05)<4.5)say('pale text',e);
    if(w>=680&&parseFloat(s.fontSize)*(e.closest('svg')?r.height?e.closest('svg').getBoundingClientRect().width/
      e.closest('svg').viewBox.baseVal.width:1:1)<8.9)say('small text '+s.fontSize,e);
  }
  for(const a of d.querySelectorAll('svg')){
    const texts=[...a.querySelectorAll('text')].map(t=>[t,t.getBoundingClientRect()]);
    for(const [t,r] of texts){
      const o=a.getBoundingClientRect();
      if(r.right>o.right+1||r.left<o.left-1||r.bottom>o.bottom+3)say('text beyond the drawing',t);
      for(const [u,q] of texts)if(t!==u&&r.left<q.right-.5&&q.left<r.right-.5&&Math.abs(r.top-q.top)<4)
        say('texts over each other: '+u.textContent,t);
    }
  }
}
let left=pages.length*widths.length;
for(const [name,text] of pages)for(const w of widths){
  const f=document.createElement('iframe');f.style.cssText='border:0;height:1400px;width:'+w+'px';
  f.onload=()=>{look(name,w,f.contentDocument,f.contentWindow);
    if(!--left){document.body.textContent='';const p=document.createElement('pre');p.id='result';
      p.textContent=JSON.stringify(found);document.body.append(p)}};
  f.srcdoc=text;document.body.append(f);
}
</script>"""


def browse(place, *words):
    return subprocess.run([BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="
                           + place.make("browser")] + list(words), stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=300, check=True).stdout.decode()


def busy_years(place):
    """Two computers that opened seventy media thousands of times in three years, with names too long."""
    stories = [Story(place, "pc%d" % n, "h-%016x" % n) for n in range(2)]
    begin = moment("2023-04-03 08:00")
    for n in range(3000):
        log, when = stories[n % 2], begin + n * 31 * 1000
        medium = "U-%03d とても長い媒体の名前 " % (n * n % 70) + "W" * (n % 70)
        how = {0: "removed", 1: None, 2: "unclean"}.get(n % 97, "lock")
        log.session(medium[:60], when, when + 600 + n % 7 * 3600, how,
                    actor="%s/%016x" % (["sato", "W" * 60, "健康保険組合の事務を担当する職員" * 2][n % 3], n % 3))
    return [s.write() for s in stories]


def one_day(place):
    """A day with hundreds of openings of one stick."""
    log, begin = Story(place, "day"), moment("2026-04-01 07:30")
    for n in range(300):
        log.session("OSAKA-03", begin + n * 120, begin + n * 120 + 60, "removed" if n % 40 == 3 else "lock",
                    actor="staff%d/%016x" % (n % 9, n % 9))
    return [log.write()]


def pages_of_all_kinds(place):
    host, found = place.host("kato"), []
    kinds = {"plain": ([], []), "endings": (endings(place), []), "years": (busy_years(place), []),
             "day": (one_day(place), ["--from", "2026-04-01", "--to", "2026-04-01"])}
    host.ask("cp", place.write("a"), host.init(place.make("usb")) + ":/").wants(0)
    for name, (copies, words) in kinds.items():
        for lang in ("ja", "en"):
            path = place.path("%s-%s.html" % (name, lang))
            text = page(host, path, *copies, *words, "--lang", lang, *(["--era", "wareki"] if lang == "ja" else []),
                        code=21 if copies else 0)
            found.append((name + " " + lang, text, path))
    return found


def nothing_stands_beyond_the_paper_and_all_is_black_on_white(place):
    if not BROWSER:
        return "no chromium here"
    pages = [(name, text) for name, text, _ in pages_of_all_kinds(place)]
    probe = place.write("probe.html", (PROBE % json.dumps(pages).replace("</", "<\\/")).encode())
    out = browse(place, "--virtual-time-budget=60000", "--dump-dom", "file://" + probe)
    result = re.search(r'<pre id="result">(.*?)</pre>', out, re.S)
    assert result, out[:400]
    faults = json.loads(html.unescape(result.group(1)))
    assert not faults, "%d faults\n%s" % (len(faults), "\n".join(faults[:12]))
    return None


def words_of(text):
    """What stands on the page to be read."""
    text = re.sub(r"<(style|title)>.*?</\1>", "", text, flags=re.S)
    return [w for w in re.split(r"\s+", html.unescape(re.sub(r"<[^>]+>", " ", text))) if w]


def paper_has_every_word_of_it(place):
    if not BROWSER:
        return "no chromium here"
    if not shutil.which("pdftotext"):
        return "no pdftotext here (poppler-utils)"
    for name, text, path in pages_of_all_kinds(place):
        if not name.startswith("endings"):
            continue
        pdf = place.path("r.pdf")
        browse(place, "--no-pdf-header-footer", "--print-to-pdf=" + pdf, "file://" + path)
        info = subprocess.run(["pdfinfo", pdf], stdout=subprocess.PIPE, check=True).stdout.decode()
        assert "(A4)" in info, info
        printed = subprocess.run(["pdftotext", "-raw", pdf, "-"], stdout=subprocess.PIPE, check=True).stdout.decode()
        printed = re.sub(r"\s+", "", printed)
        missing = [w for w in words_of(text) if w.isascii() and w not in printed]
        assert not missing, missing[:10]
    return None


def the_code_on_the_page_proves_what_the_log_was(place):
    """Scanned from the screen, as from paper."""
    if not BROWSER:
        return "no chromium here"
    if not shutil.which("zbarimg"):
        return "no zbarimg here (zbar-tools)"
    host, picture = used(place), place.path("page.png")
    path = place.path("r.html")
    page(host, path, "--lang", "ja")
    browse(place, "--hide-scrollbars", "--window-size=900,3000", "--screenshot=" + picture, "file://" + path)
    text = subprocess.run(["zbarimg", "-q", "--raw", picture], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=True).stdout
    assert text.startswith(b"portable-vault/host/h-"), text
    kept = place.write("kept.txt", text)
    host.run("audit", "verify", "--checkpoint", kept).wants(0)
    log = os.path.join(host.home, "log", "host.jsonl")
    with open(log, "rb") as file:
        lines = file.readlines()
    with open(log, "wb") as file:
        file.writelines(lines[:-1])
    host.run("audit", "verify", "--checkpoint", kept).wants(22)
    return None


cli.main(the_code_on_the_page_proves_what_the_log_was, the_numbers_are_those_of_the_log, a_period_leaves_out_what_is_not_in_it, a_name_is_text,
         a_changed_log_is_in_the_report, each_ending_is_told_before_anything_else,
         a_lost_medium_stands_first, what_nobody_knows_is_passed_over, nothing_stands_beyond_the_paper_and_all_is_black_on_white,
         paper_has_every_word_of_it)

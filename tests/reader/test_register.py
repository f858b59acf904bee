#!/usr/bin/python3
"""Which statements of a register stand, and what officers said counts: judged from docs/FORMAT.md,
section 19, alone, and compared with what the program says of random societies."""
import base64
import hashlib
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

try:
    from crypto import ed25519_good
except ImportError:
    print("ok 1 - test_register.py # SKIP python3-cryptography is not installed\n1..1")
    sys.exit(0)

HISTORIES = 400
FRAME = re.compile(
    r"portable-vault-register/1\norg (-|[0-9a-f]{32})\nkind ([a-z-]+)\nsigner ([0-9a-f]{64})\n"
    r"writer ([0-9a-f]{16})\nseq ([1-9][0-9]{0,14})\nprev (-|[0-9a-f]{64})\nclock ([1-9][0-9]{0,14})\n"
    r"time (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\n((?:seen [0-9a-f]{64}\n){0,16})"
    r"((?:[a-z-]{1,32} [^\n]*\n){0,1024})sig ([A-Za-z0-9+/=]{88})\n")
NEED_SECOND = {"officer", "grant", "policy", "catalog", "recovery", "adopt"}


class Statement:
    """19.1"""

    def __init__(self, text):
        found = FRAME.fullmatch(text)
        assert found, text
        raw = text.encode()
        self.id = hashlib.sha256(raw).hexdigest()
        self.org, self.kind, self.signer, self.writer = found.group(1, 2, 3, 4)
        self.seq, self.prev, self.clock = int(found[5]), found[6], int(found[7])
        self.seen = [line.split()[1] for line in found[9].splitlines()]
        assert self.seen == sorted(set(self.seen)) and (self.seq == 1) == (self.prev == "-")
        self.fields = [tuple(line.split(" ", 1)) for line in found[10].split("\n")[:-1]]
        if self.kind == "org":
            assert self.org == "-" and (self.seq, self.clock, self.seen) == (1, 1, [])
            self.org = self.id[:32]
        body = text[:text.rindex("sig ")].encode()
        assert ed25519_good(bytes.fromhex(self.signer),
                            b"vault-register/1\0" + body, base64.b64decode(found[11]))

    def all(self, name):
        return [value for key, value in self.fields if key == name]

    def one(self, name):
        return (self.all(name) + [None])[0]

    chain = property(lambda self: (self.signer, self.writer))
    place = property(lambda self: (self.clock, self.id))


def hex_of(value, digits):
    return value is not None and re.fullmatch("[0-9a-f]{%d}" % digits, value)


class Register:
    def __init__(self, text):
        pieces = re.findall(r".*?\nsig [^\n]*\n", text, re.S)
        assert "".join(pieces) == text
        self.list = sorted((Statement(piece) for piece in pieces), key=lambda s: s.place)
        self.by_id = {s.id: s for s in self.list}
        assert len({s.org for s in self.list}) == 1
        self.founding = [s for s in self.list if s.kind == "org"][0]
        self.judge_clocks()
        self.judge_chains()
        self.judge_officers()

    # ---- 19.2
    def judge_clocks(self):
        self.settled = set()
        for s in self.list:
            named = s.seen + ([s.prev] if s.prev != "-" else [])
            greatest = max((self.by_id[n].clock for n in named if n in self.settled), default=0)
            if all(n in self.settled for n in named) and (
                    s is self.founding or (named and s.clock == greatest + 1)):
                self.settled.add(s.id)

    def judge_chains(self):
        numbers = {}
        for s in self.list:
            numbers.setdefault((s.chain, s.seq), []).append(s)
        whole = {}

        def is_whole(s):
            before = self.by_id.get(s.prev)
            if len(numbers[s.chain, s.seq]) > 1:
                return False
            if s.seq == 1:
                return True
            return bool(before and before.chain == s.chain and before.seq == s.seq - 1
                        and whole[before.id])

        for s in sorted(self.list, key=lambda s: s.seq):
            whole[s.id] = is_whole(s)
        self.stands = {s.id for s in self.list if whole[s.id] and s.id in self.settled}

    # ---- 19.3
    def leaves(self, cut, s):
        ends = [self.by_id[i] for i in cut.all("upto") if i in self.by_id]
        return any(e.chain == s.chain and (s.seq < e.seq or s is e) for e in ends)

    @staticmethod
    def names(revocation, recipient):
        return recipient is not None and (
            (revocation.one("what"), revocation.one("id")) == ("staff", recipient)
            or recipient in revocation.all("key"))

    def cuts_of(self, signer):
        return [r for r in self.taken
                if any(self.names(r, m.one("recipient")) for m in self.makings[signer])]

    def is_word(self, s, among):
        return (s.signer in among and s.clock > among[s.signer]
                and all(self.leaves(cut, s) for cut in self.cuts_of(s.signer)))

    def exception(self):
        for s in self.list:
            if (s.kind == "officer" and s.id in self.stands and s.signer == self.founding.signer
                    and s.one("recipient") != self.founding.one("recipient")
                    and all(self.leaves(cut, s) for cut in self.cuts_of(s.signer))):
                return s
        return None

    def counts(self, s, among):
        if s.id not in self.stands or not self.is_word(s, among):
            return False
        if s.kind not in NEED_SECOND or s.clock <= self.second_from or s is self.exception():
            return True
        return any(a.kind == "approve" and a.id in self.stands and a.one("statement") == s.id
                   and a.signer != s.signer and self.is_word(a, among) for a in self.list)

    def hear(self, signer):
        for s in self.list:
            if s.kind == "revoke" and s.signer == signer and all(
                    self.leaves(cut, s) for cut in self.cuts_of(signer)):
                self.taken.append(s)

    def hear_all(self):
        self.taken, self.makings = [], {self.founding.signer: [self.founding]}
        ranks, since = {self.founding.signer: 0}, {self.founding.signer: 1}
        self.hear(self.founding.signer)
        while True:
            candidates = []
            for s in self.list:
                key = s.one("key")
                if s.kind != "officer" or not hex_of(key, 64) or not self.counts(s, since):
                    continue
                if key in ranks:
                    if s not in self.makings[key]:
                        self.makings[key].append(s)
                        since[key] = min(since[key], s.clock)
                else:
                    candidates.append((ranks[s.signer] + 1, s.id))
            if not candidates:
                break
            rank, least = min(candidates)
            made_by = self.by_id[least]
            key = made_by.one("key")
            ranks[key], since[key], self.makings[key] = rank, made_by.clock, [made_by]
            self.hear(key)
        self.officers = {self.founding.signer: 1}
        changed = True
        while changed:
            changed = False
            for key, made in self.makings.items():
                for s in made:
                    if s is not self.founding and self.counts(s, self.officers) and (
                            self.officers.get(key, s.clock + 1) > s.clock):
                        self.officers[key], changed = s.clock, True

    def judge_officers(self):
        self.second_from = float("inf")
        if "on" in self.founding.all("second-officer"):
            self.second_from = 0
        self.hear_all()
        asked = [s.clock for s in self.list if s.kind == "policy"
                 and "second-officer on" in s.all("set") and self.counts(s, self.officers)]
        if asked and self.second_from:
            self.second_from = asked[0]
            self.hear_all()

    def said_by_officer(self, s):
        return s in self.taken if s.kind == "revoke" else self.counts(s, self.officers)


def compare(folder, number):
    with open("%s/%s.txt" % (folder, number), encoding="utf-8") as file:
        register = Register(file.read())
    with open("%s/%s.told" % (folder, number), encoding="ascii") as file:
        told = [line.split() for line in file]
    assert [s.id for s in register.list] == [id for id, _, _ in told], "order"
    judged = 0
    for s, (_, stands, counts) in zip(register.list, told):
        assert (s.id in register.stands) == (stands == "1"), (number, s.id, s.kind, "stands")
        if s.kind in ("revoke", "policy", "catalog", "approve"):
            assert register.said_by_officer(s) == (counts == "1"), (number, s.id, s.kind, "counts")
            judged += 1
    return judged


def main():
    program = os.path.join(os.environ.get("BUILD", "build"), "tests", "org", "test_register_merge")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program], check=True, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, HISTORIES=str(HISTORIES), SEED="7", KEEP=folder))
        numbers = sorted(name[:-4] for name in os.listdir(folder) if name.endswith(".txt"))
        judged = sum(compare(folder, number) for number in numbers)
    assert len(numbers) == HISTORIES and judged > HISTORIES
    print("ok 1 - a_reader_of_the_text_judges_random_societies_as_the_program_does "
          "# %d societies, %d statements of officers" % (len(numbers), judged))
    print("1..1")


main()

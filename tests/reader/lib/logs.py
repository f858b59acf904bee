"""Host logs: records, periods and what they witnessed. FORMAT.md, 14."""
import base64
import json

from crypto import ed25519_good, sha256
from errors import need

HOST, VOLUME = "portable-vault/host/", "portable-vault/vol/"


def root(leaves):                                                           # 14, RFC 6962
    """The root of a tree with these leaves."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"")
    left = 1
    while left * 2 < len(leaves):
        left *= 2
    return sha256(b"\1" + root(leaves[:left]) + root(leaves[left:]))


def root_of(lines):
    return root([sha256(b"\0" + line) for line in lines])


class Note:
    """A signed checkpoint."""

    def __init__(self, note):
        text, _, signatures = note.partition("\n\n")
        self.text = text.encode() + b"\n"
        self.origin, size, digest = text.split("\n")
        self.size, self.root = int(size), base64.b64decode(digest, validate=True)
        need(len(note) <= 4095 and str(self.size) == size and len(self.root) == 32, "checkpoint")
        need(signatures.endswith("\n"), "note")
        self.signatures = {}
        for line in signatures[:-1].split("\n"):
            dash, name, data = line.split(" ")
            need(dash == "\u2014", "note")
            self.signatures[name] = base64.b64decode(data, validate=True)

    def signed(self, key, name=None):
        """By the log itself, or, under a `name`, by a witness."""
        data = self.signatures[name or self.origin]
        kind, rest = (b"\4", data[12:]) if name else (b"\1", data[4:])
        need(data[:4] == sha256((name or self.origin).encode() + b"\n" + kind + key)[:4], "key id")
        text = self.text
        if name:
            text = b"cosignature/v1\ntime %d\n" % int.from_bytes(data[4:12], "big") + text
        return len(rest) == 64 and ed25519_good(key, text, rest)


class HostLog:
    """One without a torn line: .records, .lines, and the key that is in force behind each line."""

    def __init__(self, data):                                               # 14.4
        self.lines, self.records, self.keys = data.split(b"\n")[:-1], [], []
        before, key, ended = bytes(32), None, None
        for number, line in enumerate(self.lines, 1):
            record = json.loads(line)
            end = line.rindex(b',"sig":')
            key = bytes.fromhex(record["vkey"]) if number == 1 else key
            need(record["seq"] == number and record["prev"] == before.hex(), "chain")
            need(record["key_fpr"] == sha256(key)[:8].hex(), "key")
            need(record["host"] == "h-" + (self.records or [record])[0]["key_fpr"], "host")
            need(("vkey" in record) == (number == 1 or record["event"] == "rotate"), "vkey")
            need(ed25519_good(key, b"vault-record/1\0" + line[:end],
                              base64.b64decode(line[end + 8:-2])), "signature")
            need(("checkpoint" in record) == (ended is not None), "end of a period")
            if ended is not None:
                self.check_end(Note(record["checkpoint"]), ended)
            ended = key if record["event"] == "rotate" else None
            key = bytes.fromhex(record["vkey"]) if ended is not None else key
            before = sha256(line)
            self.records.append(record)
            self.keys.append(key)

    def check_end(self, note, key):                                         # 14.2
        before = self.lines[:len(self.records)]
        need(note.origin == HOST + self.records[0]["host"], "origin")
        need(note.size == len(before) and note.root == root_of(before), "checkpoint")
        need(note.signed(key), "signature of a checkpoint")

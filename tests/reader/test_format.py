#!/usr/bin/python3
"""What docs/FORMAT.md says of keys, counters, sizes, tickets and logs is what the program writes; looked
at with the second reader's eyes, which know nothing but that text."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "lib"), os.path.join(HERE, "..", "cli")]
sys.dont_write_bytecode = True

import cli  # noqa: E402

try:
    from agefile import age_open, bech32_decode
    from crypto import hkdf
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
except ImportError:
    print("ok 1 - test_format.py # SKIP python3-cryptography is not installed\n1..1")
    sys.exit(0)
from errors import NO_DEVICE, Damaged, Refused, need
from keys import Device, StaffKey, open_key_files
from logs import HOST, VOLUME, HostLog, Note, root_of
from medium import Medium
from state import find_states, open_state
from tree import BEHIND, FIRST
from volume import Volume


def slurp(*names):
    with open(os.path.join(*names), "rb") as file:
        return file.read()


class Eyes:
    """A person of a host looks at a vault."""

    def __init__(self, host, vault, device=None):
        key = slurp(host.home, "keys", host.name + ".age")
        self.staff = StaffKey.from_file(key, lambda: cli.PASSPHRASE)
        self.host, self.given = host, device
        medium = Medium(vault)
        try:
            self.key_files = open_key_files(medium, self.staff, self.device, print)
            self.states = find_states(medium, self.key_files, print)
            self.state, self.tree = open_state(medium, self.states, print)
            self.volume = Volume(self.tree, self.state)
            self.items = list(self.tree.range(FIRST, BEHIND))
        finally:
            for fd in [medium.lock] + list(medium.segments.values()):
                os.close(fd)

    def device(self, volume_id):
        path = "%s-%s.age" % (volume_id.hex(), self.staff.fingerprint)
        return self.given or Device.from_file(slurp(self.host.home, "devices", path), self.staff)

    def names(self):
        return {name.bytes.decode(): name.inode for name in self.volume.names(self.volume.inode(1))}


def filled(place):
    host = place.host()
    vault = host.init(place.make("usb"), "OSAKA-03")
    for name, content in (("nothing", b""), ("byte", b"1"), ("five", os.urandom(5000)),
                          ("mib", os.urandom(1 << 20))):
        place.write("in/" + name, content)
    for i in range(300):
        place.write("in/many/%03d.txt" % i, b"%d" % i)
    os.link(place.path("in/many/000.txt"), place.path("in/many/too"))
    host.ask("cp", "-r", place.path("in") + "/.", vault + ":/").wants(0)
    return host, vault, Eyes(host, vault)


def a_staff_key_is_what_age_keygen_writes(place):                           # 11
    host = place.host()
    text, header = age_open(slurp(host.home, "keys", "a.age"), passphrase=cli.PASSPHRASE.encode())
    lines = text.decode().split("\n")
    assert [words[0] for words, _ in header.stanzas] == ["scrypt"]
    assert lines[0].startswith("# created: ") and lines[3:] == [""]
    assert lines[1] == "# public key: " + host.recipient
    assert slurp(host.home, "keys", "default") == b"a"
    staff = StaffKey.from_identity(text)
    signing = Ed25519PrivateKey.from_private_bytes(hkdf(staff.secret, b"", b"vault/v1/staff-sign"))
    signs = signing.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    assert slurp(host.home, "keys", "a.pub").decode() == "%s\nsigns %s\n" % (host.recipient, signs)
    assert staff.public == bech32_decode(host.recipient, "age")


def a_passphrase_is_folded_before_it_is_used(place):                        # 11
    host = place.host(key=False)
    host.ask("key", "new", "--name", "a", "--work-factor", "10",
             answers=("ｋｕｓａ－ｍａｋｕ７",) * 2).wants(0)
    staff = slurp(host.home, "keys", "a.age")
    assert age_open(staff, passphrase="kusa-maku7".encode())
    assert StaffKey.from_file(staff, lambda: "ｋｕｓａ－ｍａｋｕ７")


def counters_and_flags_say_what_is_there(place):                            # 6, 9.1
    _, _, eyes = filled(place)
    volume = eyes.volume
    inodes = [volume.inode(item.object) for item in eyes.items if item.kind == 1 and item.object != 1]
    assert (volume.objects, volume.bytes) == (len(inodes), sum(i.size for i in inodes if i.is_file))
    assert volume.next_inode > max(inode.number for inode in inodes)
    assert eyes.state.flags == 2 and eyes.state.depth > 1
    assert volume.label == "OSAKA-03"
    assert [(s.generation - eyes.state.generation, s.index // 16 != eyes.state.index // 16)
            for s in eyes.states[:2]] == [(0, False), (-1, True)]


def sizes_are_as_worked_out(place):                                         # 16
    _, _, eyes = filled(place)

    def cost(name):
        number, leaf, data = eyes.names()[name], 0, 0
        for item in eyes.items:
            if item.object == number or (item.object, item.kind) == (1, 4) and \
                    item.value[9:] == name.encode():
                leaf += 22 + len(item.value) + (96 if item.record else 0)
                data += item.record.blocks if item.record and item.kind == 3 else 0
        return leaf - len(name), data, eyes.volume.inode(number).blocks

    assert cost("nothing") == (165, 0, 0)
    assert cost("byte") == (188, 0, 1)
    assert cost("five") == (283, 2, 16)
    assert cost("mib") == (7717, 256, 2048)


def the_log_verifies_and_names_the_state(place):
    host, _, eyes = filled(place)
    records = HostLog(slurp(host.home, "log", "host.jsonl")).records
    last = [r for r in records if r["event"] == "lock"][-1]
    assert last["superblock"] == eyes.state.sha256.hex()
    assert last["generation"] == eyes.state.generation
    assert (last["files"], last["bytes"]) == (eyes.volume.objects, eyes.volume.bytes)
    assert records[0]["vkey"] == eyes.state.host_key.hex()


def either_log_tells_what_the_other_was(place):                             # 14.2, 14.3
    host, vault, _ = filled(place)
    host.ask("cp", place.write("more"), vault + ":/").wants(0)
    eyes = Eyes(host, vault)
    log, lines = HostLog(slurp(host.home, "log", "host.jsonl")), list(eyes.volume.log())
    origin = HOST + log.records[0]["host"]
    notes = [Note(record["witness"]) for record in log.records if "witness" in record]
    assert [r["event"] for r in log.records if r["event"] in ("rotate", "unlock")] == ["rotate", "unlock"] * 2
    for record, note in [(r, Note(r["witness"])) for r in log.records if "witness" in r]:
        assert note.origin == VOLUME + eyes.state.key_file.volume_id.hex()
        assert note.root == root_of(lines[:note.size]), "the lines that it had"
        assert note.signed(log.keys[record["seq"] - 1], origin)
    assert len(notes) >= 4 and notes[-1].size == len(lines), "each opening and each end"
    heads = [Note(json.loads(line)["head"]) for line in lines if "head" in json.loads(line)]
    for note in heads:
        assert note.origin == origin and note.root == root_of(log.lines[:note.size])
        assert note.signed(log.keys[note.size - 1])
    assert [n.size for n in heads] == sorted({n.size for n in heads}) and len(heads) == 4, "each opening and end"
    copy = slurp(host.home, "log", "volumes", eyes.state.key_file.volume_id.hex() + ".jsonl")
    assert copy == b"".join(line + b"\n" for line in lines)


def what_was_seen_is_the_state_on_the_medium(place):                        # 15
    host, path, eyes = filled(place)
    seen = json.loads(slurp(host.home, "seen", eyes.state.key_file.volume_id.hex() + ".json"))
    assert seen["generation"] == eyes.state.generation and seen["clean"] is True
    assert seen["superblock"] == eyes.state.sha256.hex()
    assert seen["session"] == eyes.state.session.hex()
    assert os.path.realpath(seen["medium"]) == os.path.realpath(path)


def a_ticket_carries_the_device_secret(place):                              # 13
    host, path, eyes = filled(place)
    other = place.host("b")
    host.ask("grant", path, "--to", other.recipient, "--ticket", place.path("ticket")).wants(0)
    other.ask("enrol", place.path("ticket")).wants(0)
    again = Eyes(other, path)
    key_file, before = again.state.key_file, eyes.state.key_file
    ticket = Device.from_file(slurp(place.path("ticket")), again.staff)
    assert ticket.secret == again.device(key_file.volume_id).secret and ticket.id == key_file.device_id
    assert key_file.recipients == [before.recipients[0], again.staff.public]
    assert key_file.sequence == before.sequence + 1
    assert again.names() == eyes.names()
    try:
        Device.from_file(slurp(place.path("ticket")), eyes.staff)
    except Damaged:
        return
    raise AssertionError("another person's ticket opened")


def without_the_device_secret_a_staff_key_is_not_enough(place):
    host, path, _ = filled(place)
    try:
        Eyes(host, path, Device(bytes(32)))
    except Refused as why:
        assert why.code == NO_DEVICE
        return
    raise AssertionError("it opened")


def a_new_epoch_keeps_the_key_of_the_old_one_until_nothing_is_under_it(place):    # 8.4, 10
    host, path, eyes = filled(place)
    if host.run("help", "rekey").code:
        return "this program has no verb rekey"
    host.ask("rekey", path).wants(0)
    half = Eyes(host, path)
    assert sorted(half.state.key_file.keys) == [1, 2] and half.state.epoch == 2
    assert half.state.key_file.keys[1] == eyes.state.key_file.keys[1]
    assert half.state.key_file.keys[2] != eyes.state.key_file.keys[1]
    assert half.tree.root.min_epoch == 1 and {s.epoch for s in half.states} == {2}
    host.ask("rekey", path, "--wait").wants(0)
    done = Eyes(host, path)
    newest = done.state.epoch
    assert list(done.state.key_file.keys) == [newest] and done.tree.root.min_epoch == newest
    assert done.names() == eyes.names()
    return None


cli.main(a_staff_key_is_what_age_keygen_writes, a_passphrase_is_folded_before_it_is_used,
         counters_and_flags_say_what_is_there, sizes_are_as_worked_out,
         the_log_verifies_and_names_the_state, either_log_tells_what_the_other_was,
         what_was_seen_is_the_state_on_the_medium,
         a_ticket_carries_the_device_secret, without_the_device_secret_a_staff_key_is_not_enough,
         a_new_epoch_keeps_the_key_of_the_old_one_until_nothing_is_under_it)

#!/usr/bin/env python3
"""A stranger who has nothing but docs/FORMAT.md reads what the program writes."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "lib"), os.path.join(HERE, "..", "cli")]

import cli
import stranger
from crypto import Forged


def filled(place, *words):
    """A vault with a bit of everything, read by the stranger."""
    host = place.host()
    path = host.init(place.make("usb"), "OSAKA-03", *words)
    place.write("in/nothing", b"")
    place.write("in/one", b"1")
    place.write("in/byte", b"1")
    place.write("in/small", b"s" * 2048)
    place.write("in/five", os.urandom(5000))
    place.write("in/mib", os.urandom(1 << 20))
    place.write("in/支部/健診結果.csv", "山田,太郎\n".encode() * 500)
    place.write(os.fsdecode(b"in/\x8c\x8e.txt"), b"Shift_JIS")
    with open(place.path("in/holes"), "wb") as file:
        file.truncate(3 << 20)
        file.seek(1 << 20)
        file.write(b"island")
    os.symlink("支部/健診結果.csv", place.path("in/link"))
    os.link(place.path("in/one"), place.path("in/one-too"))
    os.mkfifo(place.path("in/pipe"), 0o640)
    for i in range(300):
        place.write("in/many/%03d.txt" % i, b"%d" % i)
    try:
        os.setxattr(place.path("in/five"), "user.short", b"\0value")
        os.setxattr(place.path("in/five"), "user.long", b"v" * 3000)
    except OSError:
        pass
    host.ask("cp", "-r", place.path("in") + "/.", path + ":/").wants(0)
    person = stranger.Person(host.home, "a", cli.PASSPHRASE.encode())
    return host, path, stranger.Vault(path, person)


def every_file_name_and_attribute_is_found(place):
    _, _, vault = filled(place)
    found, wanted = vault.tree(), cli.tree(place.path("in"))
    assert sorted(found) == sorted(wanted)
    for name, (mode, mtime, content, _, xattrs) in wanted.items():
        inode, have, attributes = found[name]
        if isinstance(content, str):
            content = os.fsencode(content)
        assert inode["mode"] == mode, name
        assert have == content, name
        assert attributes == xattrs, name
        assert inode["mtime"] == mtime, name
    assert vault.label == "OSAKA-03"
    assert found["one"][0]["links"] == 2 and vault.folder(1)["one"] == vault.folder(1)["one-too"]


def counters_and_flags_say_what_is_there(place):
    _, _, vault = filled(place)
    inodes = {n for (n, kind, _) in vault.items if kind == 1} - {1}
    sizes = [vault.inode(n)["size"] for n in inodes if vault.inode(n)["mode"] >> 12 == 8]
    assert (vault.files, vault.bytes) == (len(inodes), sum(sizes))
    assert vault.next_inode > max(inodes)
    assert vault.state.flags == 2
    assert vault.state.depth > 1


def sizes_are_as_worked_out(place):
    """FORMAT.md, section 16."""
    _, _, vault = filled(place)

    def cost(name):
        number, leaf, data = vault.folder(1)[name], 0, 0
        for (obj, kind, _), (value, record) in vault.items.items():
            if obj == number or (obj, kind) == (1, 4) and value[9:] == name.encode():
                leaf += 22 + len(value) + (96 if record else 0)
                data += record.blocks if record and kind == 3 else 0
        attributes = sum(22 + len(v) + (96 if r else 0)
                         for (o, k, _), (v, r) in vault.items.items() if (o, k) == (number, 5))
        return leaf - attributes - len(name), data, vault.inode(number)["blocks"]

    assert cost("nothing") == (165, 0, 0)
    assert cost("byte") == (188, 0, 1)
    assert cost("five") == (283, 2, 16)
    assert cost("mib") == (7717, 256, 2048)


def the_log_verifies_and_names_the_state(place):
    host, _, vault = filled(place)
    records = stranger.log_verify(os.path.join(host.home, "log", "host.jsonl"))
    last = [r for r in records if r["event"] == "lock"][-1]
    assert last["superblock"] == vault.state.sha256.hex()
    assert last["generation"] == vault.state.generation
    assert (last["files"], last["bytes"]) == (vault.files, vault.bytes)
    assert records[0]["vkey"] == vault.state.host_key.hex()


def what_was_seen_is_the_state_on_the_medium(place):
    host, path, vault = filled(place)
    seen = cli.json.loads(stranger.read(host.home, "seen", vault.keys.volume_id.hex() + ".json"))
    assert seen["generation"] == vault.state.generation and seen["clean"] is True
    assert seen["superblock"] == vault.state.sha256.hex()
    assert seen["session"] == vault.state.session.hex()
    assert os.path.realpath(seen["medium"]) == os.path.realpath(path)


def a_ticket_carries_the_device_secret(place):
    host, path, vault = filled(place)
    other = place.host("b")
    host.ask("grant", path, "--to", other.recipient, "--ticket", place.path("ticket")).wants(0)
    person = stranger.Person(other.home, "b", cli.PASSPHRASE.encode())
    ticket = stranger.ticket_decode(stranger.read(place.path("ticket")), person, vault.keys.volume_id)
    other.ask("enrol", place.path("ticket")).wants(0)
    assert ticket == person.device(vault.keys.volume_id)
    assert ticket["id"] == vault.keys.device_id
    again = stranger.Vault(path, person)
    assert again.keys.recipients == [vault.keys.recipients[0], person.public]
    assert again.keys.sequence == vault.keys.sequence + 1
    assert again.tree().keys() == vault.tree().keys()


def without_the_device_secret_the_stranger_is_out(place):
    host, path, _ = filled(place)
    person = stranger.Person(host.home, "a", cli.PASSPHRASE.encode())
    person.device = lambda volume_id: {"secret": bytes(32)}
    try:
        stranger.Vault(path, person)
    except Forged as why:
        assert "HMAC" in str(why)
        return
    raise AssertionError("it opened")


cli.main(every_file_name_and_attribute_is_found, counters_and_flags_say_what_is_there,
         sizes_are_as_worked_out, the_log_verifies_and_names_the_state,
         what_was_seen_is_the_state_on_the_medium, a_ticket_carries_the_device_secret,
         without_the_device_secret_the_stranger_is_out)

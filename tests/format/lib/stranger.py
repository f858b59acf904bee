"""A reader of vaults written from docs/FORMAT.md alone; numbers in comments are its sections.
It shares no line with the program, so where both agree the text is right, or wrong twice."""
import base64
import json
import os
import struct

from agefile import age_open, secret_from_bech32
from crypto import (ed25519_good, expand, hkdf, hmac_sha256, need, sha256, siphash24, x25519_public,
                    xaes_open)

BLOCK = 4096


def read(*names):
    with open(os.path.join(*names), "rb") as file:
        return file.read()


class Pointer:                                                              # 4
    def __init__(self, data):
        self.addr = int.from_bytes(data[:6], "little")
        self.blocks, self.birth, self.epoch, self.extra = struct.unpack_from("<HQII", data, 6)
        self.nonce, self.tag, self.sha256 = data[24:48], data[48:64], data[64:96]
        need(self.blocks or not any(data), "null pointer")


class Person:                                                               # 11 and 12
    def __init__(self, home, name, passphrase):
        text = age_open(read(home, "keys", name + ".age"), passphrase=passphrase)[0].decode()
        lines = text.split("\n")
        need(lines[0].startswith("# created: ") and lines[3:] == [""], "staff key")
        self.secret = secret_from_bech32(lines[2])
        self.public = x25519_public(self.secret)
        self.fingerprint = sha256(self.public)[:8].hex()
        need(read(home, "keys", name + ".pub").decode() == lines[1][len("# public key: "):] + "\n",
             "public half")
        self.home = home

    def device(self, volume_id):
        path = "%s-%s.age" % (volume_id.hex(), self.fingerprint)
        return device_decode(age_open(read(self.home, "devices", path), self.secret)[0], volume_id)


def device_decode(data, volume_id):
    need(len(data) == 169 and data[:8] == b"VLTDEV01" and data[8:24] == volume_id, "device secret")
    return {"id": data[24:40], "secret": data[72:104], "label": data[104:].split(b"\0")[0].decode()}


def ticket_decode(text, person, volume_id):                                 # 13
    data, _, stanzas = age_open(text, person.secret)
    need(len(stanzas) == 1 and len(data) == 313 and data[:8] == b"VLTTKT01", "ticket")
    need(data[8:40] == person.public, "receiver")
    need(ed25519_good(data[40:72], b"vault-ticket/1\0" + data[:249], data[249:]), "ticket's signature")
    return device_decode(data[80:249], volume_id)


class KeyFile:                                                              # 10
    def __init__(self, data, person):
        need(len(data) == 65536 and data[:8] == b"VLTKEY01", "KEY file")
        length = int.from_bytes(data[8:12], "little")
        p, header, stanzas = age_open(data[12:12 + length], person.secret)
        need(p[:8] == b"VLTKEYP1" and len(stanzas) % 8 == 0, "KEY payload")
        self.volume_id, self.device_id = p[8:24], p[24:40]
        self.sequence, self.epoch, flags, _ = struct.unpack_from("<QIIQ", p, 40)
        self.separated = bool(flags & 1)
        count = int.from_bytes(p[128:132], "little")
        places = (count + 7) // 8 * 8
        self.recipients = [p[132 + 32 * i:164 + 32 * i] for i in range(count)]
        need(not any(p[132 + 32 * count:132 + 32 * places]), "places left over")
        need(len(p) == 132 + 32 * places + 64, "KEY payload's length")
        need(ed25519_good(p[96:128], b"vault-key/1\0" + sha256(header) + p[:-64], p[-64:]),
             "KEY file's signature")
        secret = person.device(self.volume_id)["secret"] if self.separated else bytes(32)
        self.key = hkdf(p[64:96] + secret, self.volume_id + struct.pack("<I", self.epoch),
                        b"vault/v1/epoch")                                  # 3
        need(hmac_sha256(expand(self.key, b"vault/v1/key-file"), data[:-32]) == data[-32:],
             "KEY file's HMAC")
        self.sha256 = sha256(data)


class Slot:                                                                 # 6
    def __init__(self, raw, index, keys):
        need(raw[:8] == b"VLTHEAD1", "slot")
        commit = expand(keys.key, b"vault/v1/slot-commitment")
        need(hmac_sha256(commit, raw[:32] + raw[64:]) == raw[32:64], "commitment")
        aad = additional(keys, 3, 0, 0, keys.epoch, 0, index, 0, 0, 4016)
        c = xaes_open(expand(keys.key, b"vault/v1/superblock"), raw[8:32], aad, raw[64:4080], raw[4080:])
        version, _, incompatible = struct.unpack_from("<HHI", c)
        need(version == 1 and incompatible == 0 and c[16:32] == keys.volume_id, "superblock")
        self.generation, epoch, self.flags = struct.unpack_from("<QII", c, 32)
        need(index == 16 * (self.generation % 2) + self.generation // 2 % 16, "place of the slot")
        need(epoch == keys.epoch, "epoch")
        self.session, self.keyfile_sha256 = c[48:64], c[104:136]
        self.root, self.depth, self.user = Pointer(c[136:232]), c[232], c[248:312]
        certified = b"vault-session/1\0" + keys.volume_id + self.session + c[344:376]
        need(ed25519_good(c[312:344], certified, c[376:440]), "certificate")
        need(ed25519_good(c[344:376], b"vault-superblock/1\0" + c[:3952], c[3952:]), "signature")
        self.host_key, self.sha256 = c[312:344], sha256(raw)


def additional(keys, kind, level, item_kind, epoch, birth, addr, obj, offset, length):   # 5
    return (b"VLT1" + bytes([kind, level, item_kind, 0]) + keys.volume_id +
            struct.pack("<IQQQQI", epoch, birth, addr, obj, offset, length))


class Vault:
    def __init__(self, path, person):
        self.path = path
        doors = [KeyFile(read(path, name), person) for name in ("KEY0.AGE", "KEY1.AGE")]
        heads = read(path, "HEAD0.BIN") + read(path, "HEAD1.BIN")
        slots = []
        for index in range(32):
            try:
                slots.append(Slot(heads[index * BLOCK:(index + 1) * BLOCK], index, doors[0]))
            except Exception:  # noise, or of another epoch
                continue
        self.state = max(slots, key=lambda slot: slot.generation)
        self.keys = [k for k in doors if k.sha256 == self.state.keyfile_sha256][0]
        self.node_key = expand(self.keys.key, b"vault/v1/node")
        self.data_key = expand(self.keys.key, b"vault/v1/data")
        self.items = {}
        if self.state.root.blocks:
            self.walk(self.state.root, self.state.depth - 1)
        self.describe()

    def run(self, p):                                                       # 2
        name = os.path.join(self.path, "S%07X.SEG" % (p.addr // 16384))
        with open(name, "rb") as file:
            file.seek(p.addr % 16384 * BLOCK)
            sealed = file.read(p.blocks * BLOCK)
        need(sha256(sealed) == p.sha256, "hash")
        return sealed

    def walk(self, p, level):                                               # 7
        aad = additional(self.keys, 1, level, 0, p.epoch, p.birth, p.addr, 0, 0, 16384)
        page = xaes_open(self.node_key, p.nonce, aad, self.run(p), p.tag)
        count, heap, dead = struct.unpack_from("<HHH", page, 2)
        need(page[0] == level and count > 0, "node")
        total = 0
        for i in range(count):
            if level:
                self.walk(Pointer(page[16 + 113 * i + 17:16 + 113 * (i + 1)]), level - 1)
                continue
            slot = page[16 + 22 * i:16 + 22 * (i + 1)]
            key = struct.unpack_from(">QBQ", slot)
            at, length, flag = struct.unpack_from("<HHB", slot, 17)
            need(at >= heap and not (self.items and key <= max(self.items)), "leaf")
            record = Pointer(page[at:at + 96]) if flag else None
            at += 96 * flag
            self.items[key] = (page[at:at + length], record)
            total += length + 96 * flag
        need(level or total + dead == 16384 - heap, "leaf's room")

    def record(self, key):                                                  # 5
        p = self.items[key][1]
        aad = additional(self.keys, 2, 0, key[1], p.epoch, p.birth, p.addr, key[0], key[2], p.extra)
        plain = xaes_open(self.data_key, p.nonce, aad, self.run(p), p.tag)
        need(not any(plain[p.extra:]) and p.blocks == -(-p.extra // BLOCK), "padding")
        return plain[:p.extra]

    def describe(self):                                                     # 9
        self.next_inode, self.files, self.bytes = struct.unpack_from("<QQQ", self.state.user)
        meta = self.items[(0, 0, 0)][0]
        version, self.shift, length = struct.unpack_from("<IBB", meta)
        need(version == 1 and len(meta) == 22 + length, "META")
        self.name_key, self.label = meta[6:22], meta[22:].decode()

    def inode(self, number):
        value = self.items[(number, 1, 0)][0]
        need(len(value) == 112, "INODE")
        names = ("mode", "links", "uid", "gid", "size", "blocks", "parent", "flags")
        found = dict(zip(names, struct.unpack_from("<IIIIQQQI", value)))
        seconds, nanoseconds = struct.unpack_from("<qI", value, 56)
        found["mtime"] = seconds * 10**9 + nanoseconds
        return found

    def content(self, number):
        inode = self.inode(number)
        out = bytearray(inode["size"])
        blocks = 0
        if inode["flags"] & 1:
            value = self.items[(number, 2, 0)][0]
            out[:len(value)] = value
            blocks += -(-len(value) // 512)
        for key, (_, p) in self.items.items():
            if key[:2] != (number, 3):
                continue
            window = key[2] >> self.shift
            need(not (inode["flags"] & 1 and window == 0), "content twice")
            need(key[2] % BLOCK == 0 and window == (key[2] + p.extra - 1) >> self.shift, "EXTENT")
            out[key[2]:key[2] + p.extra] = self.record(key)
            blocks += p.blocks * 8
        need(len(out) == inode["size"] and blocks == inode["blocks"], "blocks")
        return bytes(out)

    def folder(self, number):
        """{name: inode}"""
        found = {}
        for (obj, kind, place), (value, _) in self.items.items():
            if (obj, kind) == (number, 4):
                name = value[9:]
                bucket = siphash24(self.name_key, name) >> 2 & ~255
                need(bucket <= place <= bucket + 255, "place of a name")
                child = int.from_bytes(value[:8], "little")
                need(self.inode(child)["mode"] >> 12 == value[8], "type of a name")
                found[name.decode("utf-8", "surrogateescape")] = child
        return found

    def xattrs(self, number):
        found = {}
        for key, (value, record) in self.items.items():
            if key[:2] == (number, 5):
                name_length, length = struct.unpack_from("<HI", value)
                name = value[6:6 + name_length]
                bucket = siphash24(self.name_key, name) & ~255
                need(bucket <= key[2] <= bucket + 255, "place of an attribute")
                found[name.decode()] = self.record(key) if record else value[6 + name_length:]
                need(len(found[name.decode()]) == length, "length of an attribute")
        return found

    def tree(self, number=1, prefix=""):
        """{path: (inode's fields, content or target or None, attributes)}"""
        found = {}
        for name, child in self.folder(number).items():
            inode = self.inode(child)
            kind = inode["mode"] >> 12
            content = self.content(child) if kind in (8, 10) else None
            found[prefix + name] = (inode, content, self.xattrs(child))
            if kind == 4:
                need(inode["parent"] == number, "parent")
                found.update(self.tree(child, prefix + name + "/"))
        return found


def log_verify(path):                                                       # 14
    """The records of a log without a torn line."""
    found, before, key = [], bytes(32), None
    for number, line in enumerate(read(path).split(b"\n")[:-1], 1):
        record = json.loads(line)
        signed, sig = line[:line.rindex(b',"sig":')], line[line.rindex(b',"sig":') + 8:-2]
        key = bytes.fromhex(record["vkey"]) if number == 1 else key
        need(record["seq"] == number and record["prev"] == before.hex(), "chain")
        need(record["key_fpr"] == sha256(key)[:8].hex() and ("vkey" in record) == (number == 1), "key")
        need(record["host"] == "h-" + record["key_fpr"], "host")
        need(ed25519_good(key, b"vault-record/1\0" + signed, base64.b64decode(sig)), "signature")
        before = sha256(line)
        found.append(record)
    return found

"""Staff keys, device secrets, tickets and KEY files (FORMAT.md 3, 10 to 13)."""
import struct
import unicodedata

from agefile import NotForThisKey, age_open, identity_in
from crypto import Xaes, ed25519_good, expand, hkdf, hmac_good, sha256, x25519_public
from errors import NO_DEVICE, NO_KEY, NOT_A_VAULT, Damaged, Refused, need
from medium import FILE_LEN

NO_SECRET = bytes(32)


class StaffKey:
    """One person's X25519 secret."""

    def __init__(self, secret):
        self.secret = secret
        self.public = x25519_public(secret)
        self.fingerprint = sha256(self.public)[:8].hex()

    @classmethod
    def from_identity(cls, data):
        """From the text inside a staff key."""
        try:
            return cls(identity_in(data.decode("utf-8", "replace")))
        except Damaged as why:
            raise Refused(NO_KEY, "this is no opened staff key: %s" % why) from None

    @classmethod
    def from_file(cls, data, ask):
        """From NAME.age; `ask` gives the passphrase."""
        passphrase = unicodedata.normalize("NFKC", ask()).encode()
        try:
            text, _ = age_open(data, passphrase=passphrase)
        except NotForThisKey:
            raise Refused(NO_KEY, "wrong passphrase, or not a staff key") from None
        except Damaged as why:
            raise Refused(NO_KEY, "the staff key is damaged: %s" % why) from None
        return cls.from_identity(text)


class Device:
    """A device secret; volume_id and id are None where only the 32 bytes were kept."""

    def __init__(self, secret, volume_id=None, device_id=None, label=""):
        self.secret, self.volume_id, self.id, self.label = secret, volume_id, device_id, label

    @classmethod
    def from_payload(cls, data):                                            # 12
        need(len(data) == 169 and data[:8] == b"VLTDEV01", "not a device secret")
        label, _, rest = data[104:].partition(b"\0")
        need(1 <= len(label) <= 64 and not any(rest), "label of a device secret")
        return cls(data[72:104], data[8:24], data[24:40], label.decode("utf-8", "replace"))

    @classmethod
    def from_file(cls, data, staff):
        """From devices/VOLUME-FINGERPRINT.age, or from a ticket."""
        payload, header = age_open(data, staff.secret)
        if payload[:8] != b"VLTTKT01":
            return cls.from_payload(payload)
        need(len(header.stanzas) == 1 and len(payload) == 313, "ticket")    # 13
        need(payload[8:40] == staff.public, "the ticket is for another person")
        need(ed25519_good(payload[40:72], b"vault-ticket/1\0" + payload[:249], payload[249:]),
             "the ticket's signature does not fit")
        return cls.from_payload(payload[80:249])


class KeyFile:
    """A KEY file that opened: the volume, its epoch, and the key of each epoch there still is."""

    def __init__(self, name, data, staff, device_for):
        """`device_for(volume_id)` gives the Device, or None when there is none."""
        self.name, self.sha256 = name, sha256(data)
        need(len(data) == FILE_LEN and data[:6] == b"VLTKEY", "not a KEY file")
        if data[6:8] != b"01":
            raise Refused(NOT_A_VAULT, "%s is of a newer format" % name)
        length = int.from_bytes(data[8:12], "little")
        need(length <= 64980, "length of the age file")
        payload, header = age_open(data[12:12 + length], staff.secret)
        self.parse(payload, header)
        key = self.epoch_key(payload[64:96], device_for(self.volume_id))
        if not hmac_good(expand(key, b"vault/v1/key-file"), data[:-32], data[-32:]):
            raise Refused(NO_DEVICE, "the device secret is not that of this vault, or %s was changed"
                          % name) if self.separated else Damaged("the HMAC does not fit")
        self.keys = self.older(key, data)
        self.keys[self.epoch] = key

    def parse(self, p, header):
        need(len(p) >= 132 and p[:8] == b"VLTKEYP1", "KEY payload")
        need(len(header.stanzas) % 8 == 0, "number of stanzas")
        need(all(words[0] == "X25519" for words, _ in header.stanzas), "kind of a stanza")
        self.volume_id, self.device_id, self.made_by = p[8:24], p[24:40], p[96:128]
        self.sequence, self.epoch, flags, self.made = struct.unpack_from("<QIIQ", p, 40)
        if flags & ~1:
            raise Refused(NOT_A_VAULT, "%s is of a newer format" % self.name)
        self.separated = bool(flags & 1)
        need(self.epoch >= 1 and self.separated == any(self.device_id), "KEY payload")
        count = int.from_bytes(p[128:132], "little")
        places = (count + 7) // 8 * 8
        need(1 <= count <= 200 and len(p) == 132 + 32 * places + 64, "length of the KEY payload")
        self.recipients = [p[132 + 32 * i:164 + 32 * i] for i in range(count)]
        need(not any(p[132 + 32 * count:-64]), "places for recipients")
        need(ed25519_good(self.made_by, b"vault-key/1\0" + sha256(header.bytes) + p[:-64], p[-64:]),
             "signature")

    def epoch_key(self, share, device):                                     # 3
        if self.separated and device is None:
            raise Refused(NO_DEVICE, "this vault needs its device secret: --device or --device-secret")
        if not self.separated and device is not None and device.volume_id is not None:
            raise Refused(NO_DEVICE, "%s claims to need no device secret, but there is one for this vault"
                          % self.name)
        secret = device.secret if self.separated else NO_SECRET
        return hkdf(share + secret, self.volume_id + struct.pack("<I", self.epoch), b"vault/v1/epoch")

    def older(self, key, data):
        table = Xaes(expand(key, b"vault/v1/older-keys")).open(
            data[64992:65016], self.volume_id + struct.pack("<I", self.epoch),
            data[65016:65488], data[65488:65504])
        count, zero = struct.unpack_from("<II", table)
        need(count <= 7 and zero == 0 and not any(table[8 + 40 * count:]), "table of older keys")
        found = {}
        for i in range(count):
            epoch, zero, older = struct.unpack_from("<II32s", table, 8 + 40 * i)
            need(max(found, default=0) < epoch < self.epoch and zero == 0, "table of older keys")
            found[epoch] = older
        return found


def open_key_files(medium, staff, device_for, note):
    """Those of the two that open, at least one. `note` hears about the other."""
    found, problems = [], []
    for name in ("KEY0.AGE", "KEY1.AGE"):
        try:
            found.append(KeyFile(name, medium.file(name), staff, device_for))
        except NotForThisKey:
            problems.append(Refused(NO_KEY, "%s is not for this staff key (%s)"
                                    % (name, staff.fingerprint)))
        except Damaged as why:
            problems.append(Refused(NOT_A_VAULT, "%s: %s" % (name, why)))
        except Refused as why:
            problems.append(why)
    if not found:
        raise max(problems, key=lambda problem: problem.code)
    for problem in problems:
        note(str(problem))
    return found

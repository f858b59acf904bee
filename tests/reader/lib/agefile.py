"""Opens age files (C2SP age.md) with an X25519 secret or a passphrase, as strictly as it asks."""
import base64
import binascii
import re

from crypto import chacha_open, hkdf, hmac_good, scrypt, x25519, x25519_public
from errors import Damaged, need

LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BEGIN, END = "-----BEGIN AGE ENCRYPTED FILE-----", "-----END AGE ENCRYPTED FILE-----"
CHUNK = 65536 + 16
LOG_N_MAX = 22


class NotForThisKey(Damaged):
    """A good age file, as far as one can tell, to somebody else or with another passphrase."""


def b64(text):
    """Base64 without padding, in its one canonical form."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise Damaged("base64") from None
    need(base64.b64encode(data).decode().rstrip("=") == text, "base64")
    return data


def polymod(values):
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1ffffff) << 5 ^ value
        for i, generator in enumerate((0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3)):
            check ^= generator if top >> i & 1 else 0
    return check


def bech32_decode(text, prefix):
    """The 32 bytes behind `prefix` (lower-case, without the 1)."""
    need(text in (text.lower(), text.upper()), "bech32")
    text = text.lower()
    need(text.startswith(prefix + "1"), "bech32")
    try:
        values = [LETTERS.index(c) for c in text[len(prefix) + 1:]]
    except ValueError:
        raise Damaged("bech32") from None
    spelt = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    need(len(values) == 52 + 6 and polymod(spelt + values) == 1, "bech32")
    number = 0
    for value in values[:-6]:
        number = number << 5 | value
    need(number & 15 == 0, "bech32")
    return (number >> 4).to_bytes(32, "big")


def identity_in(text):
    """The X25519 secret in the lines that age-keygen writes."""
    found = [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]
    need(len(found) == 1, "not one AGE-SECRET-KEY line")
    return bech32_decode(found[0], "age-secret-key-")


def dearmor(data):
    lines = data.decode("ascii", "replace").strip().splitlines()
    need(len(lines) > 2 and lines[0] == BEGIN and lines[-1] == END, "armor")
    body = lines[1:-1]
    need(all(len(line) == 64 for line in body[:-1]) and 0 < len(body[-1]) <= 64, "armor")
    try:
        return base64.b64decode("".join(body), validate=True)
    except (ValueError, binascii.Error):
        raise Damaged("armor") from None


class Header:
    """stanzas [(arguments, body)], the bytes, and where the payload begins."""

    def __init__(self, data):
        end = data.find(b"\n--- ")
        stop = data.find(b"\n", end + 1)
        need(end > 0 and stop > 0, "not an age file")
        self.bytes, self.signed = data[:stop + 1], data[:end + 4]
        self.mac = b64(data[end + 5:stop].decode("ascii", "replace"))
        lines = data[:end].decode("ascii", "replace").split("\n")
        need(lines[0] == "age-encryption.org/v1", "not an age file of version 1")
        self.stanzas = list(stanzas_of(lines[1:]))
        need(self.stanzas, "stanza")


def stanzas_of(lines):
    """A body ends with its first line of less than 64 columns."""
    at = 0
    while at < len(lines):
        words, body = lines[at].split(" "), ""
        need(words[0] == "->" and len(words) > 1, "stanza")
        need(all(re.fullmatch("[!-~]+", word) for word in words), "stanza")
        while True:
            at += 1
            need(at < len(lines) and len(lines[at]) <= 64, "stanza")
            body += lines[at]
            if len(lines[at]) < 64:
                break
        at += 1
        yield words[1:], b64(body)


def unwrap_x25519(words, body, secret):
    need(len(words) == 2 and len(body) == 32, "X25519 stanza")
    share = b64(words[1])
    need(len(share) == 32, "X25519 stanza")
    wrap = hkdf(x25519(secret, share), share + x25519_public(secret), b"age-encryption.org/v1/X25519")
    return chacha_open(wrap, bytes(12), body)


def unwrap_scrypt(words, body, passphrase):
    need(len(words) == 3 and len(body) == 32 and re.fullmatch("[1-9][0-9]?", words[2]), "scrypt stanza")
    salt, log_n = b64(words[1]), int(words[2])
    need(len(salt) == 16 and log_n <= LOG_N_MAX, "scrypt stanza")
    wrap = scrypt(passphrase, b"age-encryption.org/v1/scrypt" + salt, log_n)
    return chacha_open(wrap, bytes(12), body)


def file_key(header, secret, passphrase):
    kinds = [words[0] for words, _ in header.stanzas]
    need("scrypt" not in kinds or len(kinds) == 1, "scrypt beside other stanzas")
    for words, body in header.stanzas:
        try:
            if words[0] == "X25519" and secret is not None:
                return unwrap_x25519(words, body, secret)
            if words[0] == "scrypt" and passphrase is not None:
                return unwrap_scrypt(words, body, passphrase)
        except Damaged:  # it is for somebody else
            continue
    raise NotForThisKey("no stanza is for this key or passphrase")


def payload_open(key, data):
    need(len(data) >= 16 + 16, "payload")
    stream, rest, out, number = hkdf(key, data[:16], b"payload"), data[16:], [], 0
    while True:
        chunk, rest = rest[:CHUNK], rest[CHUNK:]
        need(len(chunk) > 16 or (number == 0 and not rest), "payload")
        out.append(chacha_open(stream, number.to_bytes(11, "big") + bytes([not rest]), chunk))
        number += 1
        if not rest:
            return b"".join(out)


def age_open(data, secret=None, passphrase=None):
    """(payload, Header)"""
    if data.lstrip().startswith(b"-----BEGIN AGE"):
        data = dearmor(data)
    header = Header(data)
    key = file_key(header, secret, passphrase)
    need(hmac_good(hkdf(key, b"", b"header"), header.signed, header.mac), "the age header was changed")
    return payload_open(key, data[len(header.bytes):]), header

"""Opens age files (C2SP age.md) with an X25519 secret or a passphrase."""
import base64
import hashlib

from crypto import Forged, chacha_open, hkdf, hmac_sha256, need, x25519, x25519_public

LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def b64(text):
    return base64.b64decode(text + "=" * (-len(text) % 4))


def secret_from_bech32(text):
    values = [LETTERS.index(c) for c in text.lower()[len("age-secret-key-1"):]][:-6]
    number = 0
    for value in values:
        number = number << 5 | value
    return (number >> (len(values) * 5 - 256)).to_bytes(32, "big")


def stanzas_of(lines):
    """[(arguments, body)]; a body ends with its first line of less than 64 columns."""
    found, lines = [], list(lines)
    while lines:
        words, body = lines.pop(0).split(" "), ""
        need(words[0] == "->", "stanza")
        while True:
            line = lines.pop(0)
            body += line
            if len(line) < 64:
                break
        found.append((words[1:], b64(body)))
    return found


def file_key_of(stanzas, secret, passphrase):
    for words, body in stanzas:
        try:
            if words[0] == "X25519" and secret:
                share, public = b64(words[1]), x25519_public(secret)
                key = hkdf(x25519(secret, share), share + public, b"age-encryption.org/v1/X25519")
            elif words[0] == "scrypt" and passphrase:
                key = hashlib.scrypt(passphrase, salt=b"age-encryption.org/v1/scrypt" + b64(words[1]),
                                     n=1 << int(words[2]), r=8, p=1, maxmem=1 << 30, dklen=32)
            else:
                continue
            return chacha_open(key, bytes(12), body)
        except Forged:
            continue
    raise Forged("no key fits")


def age_open(data, secret=None, passphrase=None):
    """(payload, header, stanzas)"""
    if data.startswith(b"-----BEGIN AGE ENCRYPTED FILE-----"):
        data = base64.b64decode(b"".join(data.split(b"\n")[1:-2]))
    mac_at = data.index(b"\n--- ") + 1
    end = data.index(b"\n", mac_at) + 1
    lines = data[:mac_at].decode().splitlines()
    need(lines[0] == "age-encryption.org/v1", "age")
    stanzas = stanzas_of(lines[1:])
    key = file_key_of(stanzas, secret, passphrase)
    need(hmac_sha256(hkdf(key, b"", b"header"), data[:mac_at + 3]) == b64(data[mac_at + 4:end - 1].decode()),
         "header MAC")
    stream, rest, out, i = hkdf(key, data[end:end + 16], b"payload"), data[end + 16:], b"", 0
    while True:
        chunk, rest = rest[:65552], rest[65552:]
        out += chacha_open(stream, i.to_bytes(11, "big") + bytes([not rest]), chunk)
        i += 1
        if not rest:
            return out, data[:end], stanzas

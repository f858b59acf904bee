"""The primitives that docs/FORMAT.md names, from python3-cryptography and Python's own library."""
import hashlib
import hmac

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from errors import Damaged


def sha256(data):
    return hashlib.sha256(data).digest()


def hmac_sha256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def hmac_good(key, data, expected):
    return hmac.compare_digest(hmac_sha256(key, data), expected)


def expand(key, info):
    """HKDF-Expand to 32 bytes, which is one turn of it."""
    return hmac_sha256(key, info + b"\x01")


def hkdf(ikm, salt, info):
    return expand(hmac_sha256(salt or bytes(32), ikm), info)


class Xaes:
    """XAES-256-GCM (C2SP XAES-256-GCM.md) under one key."""

    def __init__(self, key):
        self.ecb = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
        whole = int.from_bytes(self.ecb.update(bytes(16)), "big")
        doubled = (whole << 1) ^ (0x87 if whole >> 127 else 0)
        k1 = doubled & ((1 << 128) - 1)
        self.masks = k1 << 128 | k1

    def open(self, nonce, additional, sealed, tag):
        counters = b"\0\1X\0" + nonce[:12] + b"\0\2X\0" + nonce[:12]
        block = (int.from_bytes(counters, "big") ^ self.masks).to_bytes(32, "big")
        try:
            return AESGCM(self.ecb.update(block)).decrypt(nonce[12:], sealed + tag, additional)
        except InvalidTag:
            raise Damaged("it was changed, or is of another place or key") from None


def chacha_open(key, nonce, sealed):
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, sealed, None)
    except InvalidTag:
        raise Damaged("the tag does not fit") from None


def x25519_public(secret):
    public = X25519PrivateKey.from_private_bytes(secret).public_key()
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def x25519(secret, public):
    try:
        return X25519PrivateKey.from_private_bytes(secret).exchange(
            X25519PublicKey.from_public_bytes(public))
    except ValueError:  # the shared secret is zero
        raise Damaged("a share of low order") from None


def ed25519_good(public, text, signature):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
        return True
    except (InvalidSignature, ValueError):
        return False


def scrypt(passphrase, salt, log_n):
    return Scrypt(salt=salt, length=32, n=1 << log_n, r=8, p=1).derive(passphrase)


MASK = (1 << 64) - 1


def siphash24(key, data):
    """SipHash-2-4; only a full check needs it."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v0, v1 = k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d
    v2, v3 = k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 255])
    words = [int.from_bytes(padded[i:i + 8], "little") for i in range(0, len(padded), 8)]
    for word, rounds in [(w, 2) for w in words] + [(None, 4)]:
        if word is None:
            v2 ^= 255
        else:
            v3 ^= word
        for _ in range(rounds):
            v0 = (v0 + v1) & MASK
            v1 = ((v1 << 13 | v1 >> 51) & MASK) ^ v0
            v0 = (v0 << 32 | v0 >> 32) & MASK
            v2 = (v2 + v3) & MASK
            v3 = ((v3 << 16 | v3 >> 48) & MASK) ^ v2
            v0 = (v0 + v3) & MASK
            v3 = ((v3 << 21 | v3 >> 43) & MASK) ^ v0
            v2 = (v2 + v1) & MASK
            v1 = ((v1 << 17 | v1 >> 47) & MASK) ^ v2
            v2 = (v2 << 32 | v2 >> 32) & MASK
        if word is not None:
            v0 ^= word
    return v0 ^ v1 ^ v2 ^ v3

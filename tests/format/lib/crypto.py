"""The primitives that docs/FORMAT.md names, from libcrypto and Python alone: nothing of ours."""
import ctypes
import hashlib
import hmac

C = ctypes.CDLL("libcrypto.so.3")
P, I = ctypes.c_void_p, ctypes.c_int
for name, result, arguments in (
        ("EVP_CIPHER_CTX_new", P, []), ("EVP_CIPHER_CTX_free", None, [P]),
        ("EVP_aes_256_ecb", P, []), ("EVP_aes_256_gcm", P, []), ("EVP_chacha20_poly1305", P, []),
        ("EVP_CipherInit_ex", I, [P, P, P, P, P, I]),
        ("EVP_CipherUpdate", I, [P, P, P, P, I]), ("EVP_CipherFinal_ex", I, [P, P, P]),
        ("EVP_CIPHER_CTX_ctrl", I, [P, I, I, P]), ("EVP_CIPHER_CTX_set_padding", I, [P, I]),
        ("EVP_PKEY_new_raw_private_key", P, [I, P, P, ctypes.c_size_t]),
        ("EVP_PKEY_new_raw_public_key", P, [I, P, P, ctypes.c_size_t]),
        ("EVP_PKEY_free", None, [P]), ("EVP_PKEY_CTX_new", P, [P, P]),
        ("EVP_PKEY_get_raw_public_key", I, [P, P, P]),
        ("EVP_PKEY_CTX_free", None, [P]), ("EVP_PKEY_derive_init", I, [P]),
        ("EVP_PKEY_derive_set_peer", I, [P, P]), ("EVP_PKEY_derive", I, [P, P, P]),
        ("EVP_MD_CTX_new", P, []), ("EVP_MD_CTX_free", None, [P]),
        ("EVP_DigestVerifyInit", I, [P, P, P, P, P]),
        ("EVP_DigestVerify", I, [P, P, ctypes.c_size_t, P, ctypes.c_size_t])):
    function = getattr(C, name)
    function.restype, function.argtypes = result, arguments
X25519, ED25519, SET_TAG = 1034, 1087, 0x11


class Forged(Exception):
    pass


def need(good, what):
    if not good:
        raise Forged(what)


def sha256(data):
    return hashlib.sha256(data).digest()


def hmac_sha256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def expand(key, info, length=32):
    out, last = b"", b""
    while len(out) < length:
        last = hmac_sha256(key, last + info + bytes([len(out) // 32 + 1]))
        out += last
    return out[:length]


def hkdf(ikm, salt, info, length=32):
    return expand(hmac_sha256(salt or bytes(32), ikm), info, length)


def _run(cipher, key, nonce, data, aad=None, tag=None):
    ctx, done = C.EVP_CIPHER_CTX_new(), ctypes.c_int()
    out = ctypes.create_string_buffer(len(data) + 32)
    try:
        need(C.EVP_CipherInit_ex(ctx, cipher, None, key, nonce, 1 if tag is None else 0) == 1, "key")
        C.EVP_CIPHER_CTX_set_padding(ctx, 0)
        if tag is not None:
            need(C.EVP_CIPHER_CTX_ctrl(ctx, SET_TAG, 16, tag) == 1, "tag")
        if aad:
            need(C.EVP_CipherUpdate(ctx, None, ctypes.byref(done), aad, len(aad)) == 1, "aad")
        need(C.EVP_CipherUpdate(ctx, out, ctypes.byref(done), data, len(data)) == 1, "data")
        rest = ctypes.create_string_buffer(32)
        need(C.EVP_CipherFinal_ex(ctx, rest, ctypes.byref(done)) == 1, "tag does not fit")
        return out.raw[:len(data)]
    finally:
        C.EVP_CIPHER_CTX_free(ctx)


def xaes_open(key, nonce, aad, data, tag):
    """C2SP XAES-256-GCM.md"""
    whole = int.from_bytes(_run(C.EVP_aes_256_ecb(), key, None, bytes(16)), "big")
    k1 = ((whole << 1) ^ (0x87 if whole >> 127 else 0)) & ((1 << 128) - 1)
    blocks = b"".join((int.from_bytes(bytes([0, i]) + b"X\0" + nonce[:12], "big") ^ k1)
                      .to_bytes(16, "big") for i in (1, 2))
    derived = _run(C.EVP_aes_256_ecb(), key, None, blocks)
    return _run(C.EVP_aes_256_gcm(), derived, nonce[12:], data, aad, tag)


def chacha_open(key, nonce, data):
    return _run(C.EVP_chacha20_poly1305(), key, nonce, data[:-16], None, data[-16:])


def x25519_public(secret):
    key = C.EVP_PKEY_new_raw_private_key(X25519, None, secret, 32)
    out, size = ctypes.create_string_buffer(32), ctypes.c_size_t(32)
    need(C.EVP_PKEY_get_raw_public_key(key, out, ctypes.byref(size)) == 1, "x25519")
    C.EVP_PKEY_free(key)
    return out.raw


def x25519(secret, public):
    mine = C.EVP_PKEY_new_raw_private_key(X25519, None, secret, 32)
    theirs = C.EVP_PKEY_new_raw_public_key(X25519, None, public, 32)
    ctx = C.EVP_PKEY_CTX_new(mine, None)
    out, size = ctypes.create_string_buffer(32), ctypes.c_size_t(32)
    good = (C.EVP_PKEY_derive_init(ctx) == 1 and C.EVP_PKEY_derive_set_peer(ctx, theirs) == 1 and
            C.EVP_PKEY_derive(ctx, out, ctypes.byref(size)) == 1)
    C.EVP_PKEY_CTX_free(ctx)
    C.EVP_PKEY_free(mine)
    C.EVP_PKEY_free(theirs)
    need(good, "x25519")
    return out.raw


def ed25519_good(public, text, signature):
    key = C.EVP_PKEY_new_raw_public_key(ED25519, None, public, 32)
    ctx = C.EVP_MD_CTX_new()
    good = bool(key) and C.EVP_DigestVerifyInit(ctx, None, None, None, key) == 1 and \
        C.EVP_DigestVerify(ctx, signature, len(signature), text, len(text)) == 1
    C.EVP_MD_CTX_free(ctx)
    C.EVP_PKEY_free(key)
    return good


def siphash24(key, data):
    mask = (1 << 64) - 1
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
         k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573]

    def turn(x, n):
        return ((x << n) | (x >> (64 - n))) & mask

    def rounds(n):
        for _ in range(n):
            v[0] = (v[0] + v[1]) & mask
            v[1] = turn(v[1], 13) ^ v[0]
            v[0] = turn(v[0], 32)
            v[2] = (v[2] + v[3]) & mask
            v[3] = turn(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask
            v[3] = turn(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask
            v[1] = turn(v[1], 17) ^ v[2]
            v[2] = turn(v[2], 32)

    tail = data[len(data) // 8 * 8:]
    words = [data[i:i + 8] for i in range(0, len(data) // 8 * 8, 8)]
    for word in words + [tail + bytes(7 - len(tail)) + bytes([len(data) & 255])]:
        m = int.from_bytes(word, "little")
        v[3] ^= m
        rounds(2)
        v[0] ^= m
    v[2] ^= 255
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]

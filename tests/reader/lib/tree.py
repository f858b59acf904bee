"""The sealed tree (FORMAT.md 4, 5, 7): pointers, nodes, items. It knows nothing of files."""
import struct
from bisect import bisect_left, bisect_right
from collections import OrderedDict

from crypto import Xaes, expand, sha256
from errors import Damaged, need
from medium import BLOCK

NODE, RECORD = 1, 2
PAGE_LEN, NODE_BLOCKS, RECORD_BLOCKS, VALUE_MAX, CHILDREN_MAX = 16344, 4, 32, 4128, 144
FIRST, BEHIND = bytes(17), b"\xff" * 17 + b"\0"
CACHED_NODES = 1024
LEAF_SLOT, CHILD_SLOT = struct.Struct("<17sHHB"), struct.Struct("<17s96s")
POINTER = struct.Struct("<6sHQII24s16s32s")


def key_of(obj, kind, offset):
    return struct.pack(">QBQ", obj, kind, offset)


class Pointer:                                                              # 4
    __slots__ = ("addr", "blocks", "birth", "epoch", "extra", "nonce", "tag", "sha256")

    def __init__(self, data):
        addr, self.blocks, self.birth, self.epoch, self.extra, self.nonce, self.tag, self.sha256 = \
            POINTER.unpack(data)
        self.addr = int.from_bytes(addr, "little")
        need(self.blocks or not any(data), "null pointer with something in it")

    @property
    def plain_len(self):
        return self.extra

    @property
    def min_epoch(self):
        return self.extra


class Item:
    __slots__ = ("object", "kind", "offset", "value", "record")

    def __init__(self, key, value, record):
        self.object, self.kind, self.offset = struct.unpack(">QBQ", key)
        self.value, self.record = value, record


def additional(volume_id, kind, epoch, addr, length, birth=0, item_kind=0, obj=0, offset=0):
    return struct.pack("<4sBBBB16sIQQQQI", b"VLT1", kind, 0, item_kind, 0, volume_id, epoch, birth,
                       addr, obj, offset, length)


class Sealed:
    """Opens blocks; `keys` is {epoch: K}."""

    def __init__(self, medium, volume_id, keys):
        self.medium, self.volume_id = medium, volume_id
        self.node_keys = {e: Xaes(expand(k, b"vault/v1/node")) for e, k in keys.items()}
        self.data_keys = {e: Xaes(expand(k, b"vault/v1/data")) for e, k in keys.items()}

    def run(self, p):
        sealed = self.medium.blocks(p.addr, p.blocks)
        need(sha256(sealed) == p.sha256, "block %d was changed" % p.addr)
        return sealed

    def node(self, p):                                                      # 5
        need(p.blocks == NODE_BLOCKS, "length of a node")
        sealed = self.run(p)
        need(sealed[:24] == p.nonce and sealed[24:40] == p.tag, "nonce and tag of a node")
        need(p.epoch in self.node_keys, "block %d is of an epoch without a key" % p.addr)
        extra = additional(self.volume_id, NODE, p.epoch, p.addr, PAGE_LEN)
        return self.node_keys[p.epoch].open(p.nonce, extra, sealed[40:], p.tag)

    def record(self, item):
        p = item.record
        need(1 <= p.blocks <= RECORD_BLOCKS and p.blocks == -(-p.plain_len // BLOCK),
             "length of a record")
        need(p.epoch in self.data_keys, "block %d is of an epoch without a key" % p.addr)
        extra = additional(self.volume_id, RECORD, p.epoch, p.addr, p.plain_len, p.birth, item.kind,
                           item.object, item.offset)
        plain = self.data_keys[p.epoch].open(p.nonce, extra, self.run(p), p.tag)
        need(not any(plain[p.plain_len:]), "padding of a record")
        return plain[:p.plain_len]


class Node:
    """A page that was opened and found well-formed. Keys stay as bytes, which order as keys do."""

    def __init__(self, page, p, level, low, high):
        self.page, self.pointer, self.level = page, p, level
        need(page[0] == level and page[1] == 0, "level of a node")
        count, heap, dead, birth = struct.unpack_from("<HHHQ", page, 2)
        need(count >= 1 and birth == p.birth, "head of a node")
        if level:
            self.parse_inner(count, heap, p, low, high)
        else:
            self.parse_leaf(count, heap, dead)
        need(all(a < b for a, b in zip(self.keys, self.keys[1:])), "order of keys")
        need(self.keys[-1] < high and (level or self.keys[0] >= low), "place of keys")

    def parse_leaf(self, count, heap, dead):
        need(16 + 22 * count <= heap <= PAGE_LEN, "room of a leaf")
        slots = list(LEAF_SLOT.iter_unpack(self.page[16:16 + 22 * count]))
        self.keys = [slot[0] for slot in slots]
        self.values = [slot[1:] for slot in slots]
        free, total = heap, 0
        for at, length, flag in sorted(self.values):
            need(flag <= 1 and length <= VALUE_MAX and at >= free, "value")
            free = at + length + 96 * flag
            total += length + 96 * flag
        need(free <= PAGE_LEN and total + dead == PAGE_LEN - heap, "room of a leaf")

    def parse_inner(self, count, heap, p, low, high):
        need(count <= CHILDREN_MAX and heap == PAGE_LEN, "head of a node")
        slots = list(CHILD_SLOT.iter_unpack(self.page[16:16 + 113 * count]))
        self.keys = [slot[0] for slot in slots]
        self.children = [Pointer(slot[1]) for slot in slots]
        self.bounds = [low] + self.keys[1:] + [high]
        need(all(c.blocks and c.birth <= p.birth and c.min_epoch >= p.min_epoch
                 for c in self.children), "child of a node")

    def item(self, i):
        at, length, flag = self.values[i]
        record = Pointer(self.page[at:at + 96]) if flag else None
        need(not flag or (record.blocks and record.birth <= self.pointer.birth), "pointer to a record")
        at += 96 * flag
        return Item(self.keys[i], self.page[at:at + length], record)


class Tree:
    """A map from keys to values, read as it is needed."""

    def __init__(self, sealed, root, depth):
        self.sealed, self.root, self.depth = sealed, root, depth
        self.cache = OrderedDict()

    def node(self, p, level, low=FIRST, high=BEHIND):
        name = (p.addr, p.nonce, level, low, high)
        found = self.cache.get(name)
        if found:
            self.cache.move_to_end(name)
            return found
        found = Node(self.sealed.node(p), p, level, low, high)
        self.cache[name] = found
        if len(self.cache) > CACHED_NODES:
            self.cache.popitem(last=False)
        return found

    def get(self, obj, kind, offset=0):
        """The item, or None."""
        key = key_of(obj, kind, offset)
        for item in self.range(key, key):
            return item
        return None

    def of(self, obj, kind, hurt=None):
        """All items of one object and kind, in order."""
        return self.range(key_of(obj, kind, 0), key_of(obj, kind, (1 << 64) - 1), hurt)

    def range(self, first, last, hurt=None):
        """Items from key `first` to key `last`. What is damaged raises; or, with `hurt`, is told to it
        and left out."""
        if not self.root.blocks:
            return
        stack = [(self.root, self.depth - 1, FIRST, BEHIND)]
        while stack:
            p, level, low, high = stack.pop()
            try:
                node = self.node(p, level, low, high)
            except Damaged as why:
                if not hurt:
                    raise
                hurt(why)
                continue
            if level:
                begin = max(bisect_right(node.keys, first) - 1, 0)
                end = max(bisect_right(node.keys, last), 1)
                stack += [(node.children[i], level - 1, node.bounds[i], node.bounds[i + 1])
                          for i in reversed(range(begin, end))]
                continue
            for i in range(bisect_left(node.keys, first), bisect_right(node.keys, last)):
                try:
                    item = node.item(i)
                except Damaged as why:
                    if not hurt:
                        raise
                    hurt(why)
                    continue
                yield item

    def walk(self, born_after=0):
        """All nodes with a greater birth, parents first; what is above them is at least as young."""
        if not self.root.blocks:
            return
        stack = [(self.root, self.depth - 1, FIRST, BEHIND)]
        while stack:
            p, level, low, high = stack.pop()
            if p.birth <= born_after:
                continue
            node = Node(self.sealed.node(p), p, level, low, high)
            yield node
            if level:
                stack += [(child, level - 1, node.bounds[i], node.bounds[i + 1])
                          for i, child in enumerate(node.children)]

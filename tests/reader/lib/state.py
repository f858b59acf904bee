"""Superblock slots, and which of the states they name is opened (FORMAT.md 6 and 8.2)."""
import struct

from crypto import Xaes, ed25519_good, expand, hmac_good, sha256
from errors import DAMAGED, NOT_A_VAULT, Damaged, Refused, need
from medium import BLOCK
from tree import Pointer, Sealed, Tree, additional

SLOT, CONTENT_LEN, STEPS, DEPTH_MAX = 3, 4016, 8, 10
NODES_RECENT, RECORDS_RECENT = 8, 2
SESSION_OPEN, CLEAN_END = 1, 2


class Door:
    """An epoch key of a KEY file, ready to try slots with."""

    def __init__(self, key_file):
        self.key_file = key_file
        key = key_file.keys[key_file.epoch]
        self.commitment, self.superblock = (expand(key, b"vault/v1/slot-commitment"),
                                            Xaes(expand(key, b"vault/v1/superblock")))


class State:                                                                # 6
    """What a slot says, when it belongs to this vault and stands in its place."""

    def __init__(self, raw, index, door):
        keys = door.key_file
        need(raw[:8] == b"VLTHEAD1", "slot")
        need(hmac_good(door.commitment, raw[:32] + raw[64:], raw[32:64]), "commitment")
        extra = additional(keys.volume_id, SLOT, keys.epoch, index, CONTENT_LEN)
        c = door.superblock.open(raw[8:32], extra, raw[64:4080], raw[4080:])
        version, _, incompatible = struct.unpack_from("<HHI", c)
        if version != 1 or incompatible:
            raise Refused(NOT_A_VAULT, "the vault is of a newer format")
        self.generation, self.epoch, self.flags = struct.unpack_from("<QII", c, 32)
        need(c[16:32] == keys.volume_id and self.epoch == keys.epoch, "volume and epoch of a slot")
        need(self.generation >= 1 and index == 16 * (self.generation % 2) + self.generation // 2 % 16,
             "place of a slot")
        self.index, self.sha256, self.content, self.key_file = index, sha256(raw), c, keys
        self.session, self.key_file_sha256 = c[48:64], c[104:136]
        self.time, self.blocks_in_use = struct.unpack_from("<Q", c, 64)[0], \
            struct.unpack_from("<Q", c, 240)[0]
        self.depth, self.of_volume, self.host_key = c[232], c[248:312], c[312:344]

    def tree(self, medium):
        """Raises Damaged where the state itself is not in order."""
        c, volume_id = self.content, self.key_file.volume_id
        certified = b"vault-session/1\0" + volume_id + self.session + c[344:376]
        need(ed25519_good(self.host_key, certified, c[376:440]), "certificate of the session")
        need(ed25519_good(c[344:376], b"vault-superblock/1\0" + c[:3952], c[3952:]),
             "signature of the session")
        root = Pointer(c[136:232])
        need(bool(root.blocks) == bool(self.depth) and self.depth <= DEPTH_MAX, "root")
        need(root.birth <= self.generation, "birth of the root")
        return Tree(Sealed(medium, volume_id, self.key_file.keys), root, self.depth)

    def says(self):
        words = [word for bit, word in ((SESSION_OPEN, "session open"), (CLEAN_END, "clean end"))
                 if self.flags & bit]
        return ", ".join(words) or "-"


def find_states(medium, key_files, note):
    """All that open, the newest first."""
    doors, found = [Door(key_file) for key_file in key_files], []
    for name, first in (("HEAD0.BIN", 0), ("HEAD1.BIN", 16)):
        try:
            data = medium.file(name)
        except Damaged as why:
            note(str(why))
            continue
        for i in range(16):
            for door in doors:
                try:
                    found.append(State(data[i * BLOCK:(i + 1) * BLOCK], first + i, door))
                    break
                except Damaged:  # noise, or of another epoch
                    continue
    found.sort(key=lambda state: -state.generation)
    if not found:
        raise Refused(DAMAGED, "no superblock slot opens: HEAD0.BIN and HEAD1.BIN are destroyed")
    files = {key_file.sha256: key_file for key_file in key_files}
    if found[0].key_file_sha256 not in files:
        raise Refused(DAMAGED, "the newest state names another KEY file: an older one was put back")
    for state in found:
        state.key_file = files.get(state.key_file_sha256, state.key_file)
    return found


def prove(tree, generation):                                                # 8.2, 4
    """What the last flushes may have lost must be there."""
    for node in tree.walk(generation - NODES_RECENT):
        for i in range(0 if node.level else len(node.keys)):
            item = node.item(i)
            if item.record and item.record.birth > generation - RECORDS_RECENT:
                tree.sealed.record(item)


def open_state(medium, states, note):
    """(state, tree) of the newest state that is whole."""
    for state in states[:STEPS + 1]:
        try:
            tree = state.tree(medium)
            prove(tree, state.generation)
        except Damaged as why:
            note("generation %d is not whole and was passed over: %s" % (state.generation, why))
            continue
        return state, tree
    raise Refused(DAMAGED, "none of the newest %d states is whole; --generation opens one all the same"
                  % min(len(states), STEPS + 1))


def chosen_state(medium, states, generation):
    """(state, tree) of this one, whole or not."""
    for state in states:
        if state.generation == generation:
            try:
                return state, state.tree(medium)
            except Damaged as why:
                raise Refused(DAMAGED, "generation %d: %s" % (generation, why)) from None
    raise Refused(DAMAGED, "there is no generation %d" % generation)

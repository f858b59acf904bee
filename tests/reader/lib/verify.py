"""Every block and every relation of a state; what FORMAT.md lets a reader look at."""
import stat

from crypto import siphash24
from errors import Damaged, need
from volume import CUT, DIRENT, EXTENT, INODE, LOG, META, NOTE, ORPHAN, ROOT, XATTR
from walk import Walk


class Verification:
    """`problem(where, why)` hears of each."""

    def __init__(self, volume, state, problem):
        self.volume, self.state, self.problem = volume, state, problem
        self.tree = volume.tree
        self.blocks = 0
        self.runs = []                      # (addr, blocks) of all that is reached
        self.inodes = {}                    # number: [names met, folders in it, links, kind, parent]
        self.objects = self.bytes = self.lines = 0
        self.notes = []

    def run(self):
        self.sealed_blocks()
        self.relations()
        self.counters()

    # ---- blocks ----

    def sealed_blocks(self):
        if self.tree.root.blocks:
            try:
                self.node(self.tree.root, self.tree.depth - 1, None)
            except Damaged as why:
                self.problem("the root of the tree", why)
        self.runs.sort()
        for (addr, count), (following, _) in zip(self.runs, self.runs[1:]):
            if addr + count > following:
                self.problem("block %d" % following, "it is used twice")

    def use(self, p):
        self.runs.append((p.addr, p.blocks))
        self.blocks += p.blocks

    def node(self, p, level, bounds):
        """The least epoch at or below it."""
        node = self.tree.node(p, level, *bounds or ())
        self.use(p)
        least = [p.epoch]
        for i in range(len(node.keys)):
            if level:
                child = node.children[i]
                try:
                    least.append(self.node(child, level - 1, (node.bounds[i], node.bounds[i + 1])))
                except Damaged as why:
                    self.problem("node at block %d" % child.addr, why)
                    least.append(child.min_epoch)
                continue
            least.append(self.item(node, i, p.epoch))
        if min(least) != p.min_epoch:
            self.problem("node at block %d" % p.addr, "its least epoch is not as it says")
        return min(least)

    def item(self, node, i, epoch):
        try:
            item = node.item(i)
        except Damaged as why:
            self.problem("leaf at block %d" % node.pointer.addr, why)
            return epoch
        if not item.record:
            return epoch
        self.use(item.record)
        try:
            self.tree.sealed.record(item)
        except Damaged as why:
            self.problem("inode %d, offset %d" % (item.object, item.offset), why)
        return item.record.epoch

    # ---- relations ----

    def relations(self):
        hurt = lambda path, why: self.problem(path.decode("utf-8", "replace"), why)
        self.inodes[ROOT] = self.first_met(self.volume.inode(ROOT))
        self.places(ROOT)
        for path, inode, leaving in Walk(self.volume, hurt):
            if leaving:
                continue
            met = self.inodes.get(inode.number)
            if not met:
                met = self.inodes[inode.number] = self.first_met(inode)
                self.objects += 1
                self.bytes += inode.size if inode.is_file else 0
                try:
                    self.places(inode.number)
                    self.content(inode)
                except Damaged as why:
                    hurt(path, why)
            met[0] += 1
            if inode.is_folder:
                self.inodes[inode.parent][1] += 1
        for number, (names, folders, links, kind) in self.inodes.items():
            due = 2 + folders if kind == stat.S_IFDIR else names
            if links != due:
                self.problem("inode %d" % number, "it says %d names and has %d" % (links, due))

    @staticmethod
    def first_met(inode):
        return [0, 0, inode.links, inode.kind]

    def places(self, number):
        """Names and attributes stand where their hash puts them."""
        for item in self.tree.of(number, DIRENT):
            bucket = siphash24(self.volume.name_key, item.value[9:]) >> 2 & ~255
            need(bucket <= item.offset <= bucket + 255, "place of a name")
        for name, place, _ in self.volume.xattrs(self.volume.inode(number)):
            bucket = siphash24(self.volume.name_key, name) & ~255
            need(bucket <= place <= bucket + 255, "place of an attribute")

    def content(self, inode):
        if inode.is_link:
            self.volume.target(inode)
            return
        if not inode.is_file:
            return
        blocks = sum(piece.blocks for piece in self.volume.pieces(inode))
        cut = inode.number in self.volume.cut
        need(cut or blocks == inode.blocks, "it says %d blocks and has %d" % (inode.blocks, blocks))

    # ---- counters ----

    def counters(self):
        orphans = {number: what for number, what, _ in self.volume.orphans()}
        for item in self.tree.range(b"\0" * 17, b"\xff" * 17):
            self.belongs(item, orphans)
        try:
            self.lines = sum(1 for _ in self.volume.log())
            self.notes = list(self.volume.notes())
        except Damaged as why:
            self.problem("what the program keeps", why)
        for name, here, said in (("objects", self.objects, self.volume.objects),
                                 ("bytes", self.bytes, self.volume.bytes),
                                 ("blocks in use", self.blocks, self.state.blocks_in_use)):
            if here != said:
                self.problem("the volume", "it says %d %s and has %d" % (said, name, here))

    def belongs(self, item, orphans):
        where = "item (%d, %d, %d)" % (item.object, item.kind, item.offset)
        if item.object == 0:
            if item.kind not in (META, ORPHAN, NOTE, LOG):
                self.problem(where, "of no kind that there is")
            return
        if item.object >= self.volume.next_inode or not INODE <= item.kind <= XATTR:
            self.problem(where, "of no kind or inode that there is")
        elif item.object not in self.inodes and orphans.get(item.object, CUT) == CUT:
            self.problem(where, "of an inode without a name")
        elif item.record and item.kind not in (EXTENT, XATTR):
            self.problem(where, "carries a record")

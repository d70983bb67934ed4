"""An independent reader of Holdfast's files, written from docs/FORMAT.md alone.

Usage: decode.py DATABASE            prints every tree as `holdfast dump --all` does
       decode.py --describe DATABASE prints meta, pages and log instead
       decode.py --kept ID DATABASE  prints the trees of a kept checkpoint

Reads a closed database, or one with its log, whose committed transactions it applies in memory.
Needs python3-xxhash. Ends with 1 and a sentence when the bytes are not what FORMAT.md says.
"""

import glob
import struct
import sys

import xxhash

HEADER_REGION = 65536
META_OFFSETS = (0, 16384, 32768, 49152)
LEAF, INNER, OVERFLOW, MAP_LEAF, MAP_INNER = 1, 2, 3, 4, 5
MAP_TREE = 0xFFFFFFFF
COMMIT, CONTINUES, MARK = 1, 2, 4
BATCH_HEAD = 88
SEGMENT_BODY = 8192


class Bad(Exception):
    """The bytes are not what FORMAT.md says."""


def need(condition, sentence):
    if not condition:
        raise Bad(sentence)


def xxh3(data):
    return xxhash.xxh3_64_intdigest(bytes(data))


def field(code, data, at):
    return struct.unpack_from("<" + code, data, at)[0]


def u8(data, at):
    return field("B", data, at)


def u16(data, at):
    return field("H", data, at)


def u32(data, at):
    return field("I", data, at)


def u64(data, at):
    return field("Q", data, at)


def up(n, to):
    return (n + to - 1) // to * to


# ---- The meta block -------------------------------------------------------------------------


class Meta:
    def __init__(self, block):
        self.page_size = u32(block, 12)
        self.uuid = bytes(block[40:56])
        self.tag = u64(block, 40)
        self.creator = bytes(block[56:88]).rstrip(b"\0").decode()
        self.generation = u64(block, 96)
        self.newest_epoch = u64(block, 104)
        self.txn = u64(block, 112)
        self.log_lsn = u64(block, 120)
        self.log_chain = u64(block, 128)
        self.log_beside = u32(block, 136)
        self.segment = (u64(block, 144), bytes(block[152:168]), u64(block, 168))
        self.newest_segment = (self.newest_epoch, bytes(block[176:192]), u64(block, 192))
        self.map_height = u32(block, 200)
        self.map_root = (u32(block, 208), u32(block, 212), u64(block, 216))
        self.id_high_water = u32(block, 224)
        self.slot_high_water = u32(block, 228)
        self.pages = u64(block, 232)
        self.kept = [kept_checkpoint(block, at) for at in range(256, 768, 64) if u64(block, at)]

    def go_back_to(self, kept_id):
        """The state of a kept checkpoint in place of the newest."""
        kept = [kept for kept in self.kept if kept["id"] == kept_id]
        need(kept, f"no checkpoint {kept_id} is kept")
        for name in ("txn", "map_root", "map_height", "id_high_water", "pages"):
            setattr(self, name, kept[0][name])
        self.log_beside = 0


def kept_checkpoint(block, at):
    return {"id": u64(block, at), "txn": u64(block, at + 8), "map_height": u32(block, at + 32),
            "map_root": (u32(block, at + 16), u32(block, at + 20), u64(block, at + 24)),
            "id_high_water": u32(block, at + 36), "pages": u64(block, at + 48)}


def read_meta(data):
    newest = None
    seen_magic = False
    for at in META_OFFSETS:
        block = data[at:at + 4096]
        if len(block) < 4096 or bytes(block[:8]) != b"HOLDFAST":
            continue
        seen_magic = True
        if u64(block, 4088) != xxh3(block[:4088]):
            continue
        need(u32(block, 8) <= 1 and u64(block, 32) == 0, "written in a newer format")
        meta = Meta(block)
        sane = meta.page_size in (4096, 8192, 16384, 32768) and meta.map_height <= 4
        if sane and u32(block, 88) == 4096 and (not newest or meta.generation > newest.generation):
            newest = meta
    need(seen_magic, "not a Holdfast database")
    need(newest, "no good meta block")
    return newest


# ---- Pages and the page map -----------------------------------------------------------------


class Pages:
    """Page contents by id: those that the log changed, else those that the map leads to."""

    def __init__(self, data, meta):
        self.data = data
        self.meta = meta
        self.changed = {}
        self.leaf_entries = (meta.page_size - 64) // 8
        self.inner_entries = (meta.page_size - 64) // 16

    def slot(self, slot):
        at = HEADER_REGION + (slot - 1) * self.meta.page_size
        page = self.data[at:at + self.meta.page_size]
        need(len(page) == self.meta.page_size, f"the file ends before slot {slot}")
        return page

    def verified(self, slot, check, bits, page_id):
        page = self.slot(slot)
        stored = u64(page, 0)
        mask = (1 << bits) - 1
        need(stored == xxh3(page[8:]), f"slot {slot}: content doesn't match its check")
        need(stored & mask == check & mask, f"slot {slot}: not the page that is vouched for")
        need(u64(page, 8) == self.meta.tag, f"slot {slot}: a page of another database")
        need(u32(page, 24) == page_id, f"slot {slot}: page {u32(page, 24)}, not {page_id}")
        need(40 <= u16(page, 36) <= u16(page, 38) <= len(page), f"slot {slot}: impossible gap")
        return page

    def map_page(self, ref, index, level):
        """The map page, from either copy; None where there is none."""
        if ref[0] == 0:
            return None
        failure = None
        for slot in ref[:2]:
            if slot == 0:
                continue
            try:
                page = self.verified(slot, ref[2], 64, index)
                kind = MAP_LEAF if level == 0 else MAP_INNER
                need((u8(page, 32), u8(page, 33), u32(page, 28)) == (kind, level, MAP_TREE),
                     f"slot {slot}: no map page of level {level}")
                return page
            except Bad as bad:
                failure = failure or bad
        raise failure

    def entry(self, page_id):
        """Slot and the low half of the check; (0, 0) where the map has no such page."""
        ref = self.meta.map_root
        leaf = page_id // self.leaf_entries
        for level in range(self.meta.map_height, 0, -1):
            page = self.map_page(ref, leaf // self.inner_entries**level, level)
            if page is None:
                return 0, 0
            at = 64 + 16 * (leaf // self.inner_entries**(level - 1) % self.inner_entries)
            ref = (u32(page, at), u32(page, at + 4), u64(page, at + 8))
        if leaf >= self.inner_entries**self.meta.map_height:
            return 0, 0
        page = self.map_page(ref, leaf, 0)
        if page is None:
            return 0, 0
        at = 64 + 8 * (page_id % self.leaf_entries)
        return u32(page, at), u32(page, at + 4)

    def page(self, page_id):
        if page_id in self.changed:
            return self.changed[page_id]
        slot, check = self.entry(page_id)
        need(slot != 0, f"page {page_id} is not in the map")
        return self.verified(slot, check, 32, page_id)


# ---- Trees ----------------------------------------------------------------------------------


def varint(page, at):
    low = u8(page, at)
    if low < 128:
        return low, at + 1
    return (low & 0x7F) | u8(page, at + 1) << 7, at + 2


def node_records(page, page_size):
    """Key and what follows it, for each record of a node: (key, payload, is_stub)."""
    count, capacity, prefix_bytes = u16(page, 34), u16(page, 46), u16(page, 42)
    need(count <= capacity and u16(page, 36) == 48 + 4 * capacity + 2 * count,
         "a node's arrays don't end where its gap begins")
    prefix = bytes(page[page_size - prefix_bytes:])
    leaf = u8(page, 33) == 0
    for i in range(count):
        at = u16(page, 48 + 4 * capacity + 2 * i)
        suffix_bytes, at = varint(page, at)
        stub = False
        payload_bytes = 4
        if leaf:
            value_field, at = varint(page, at)
            payload_bytes, stub = value_field >> 1, value_field & 1
        suffix = bytes(page[at:at + suffix_bytes])
        at += suffix_bytes
        need(at + payload_bytes <= page_size - prefix_bytes, "a record leaves its node")
        head = u32(page, 48 + 4 * i).to_bytes(4, "big")
        need(head == (suffix + b"\0\0\0\0")[:4], "a head isn't that of its key")
        yield prefix + suffix, bytes(page[at:at + payload_bytes]), stub


def overflow_value(pages, tree, stub):
    first, count, size = struct.unpack("<III", stub)
    room = pages.meta.page_size - 40
    need(size != 0 and count == (size + room - 1) // room, "an impossible stub")
    value = b""
    for i in range(count):
        page = pages.page(first + i)
        need(u8(page, 32) == OVERFLOW and u32(page, 28) == tree, "no overflow page of this tree")
        value += bytes(page[40:u16(page, 36)])
    need(len(value) == size, "an overflow value has another length than its stub says")
    return value


def tree_records(pages, tree, root, level=None):
    """Keys and values in order."""
    page = pages.page(root)
    kind, own_level = u8(page, 32), u8(page, 33)
    need(u32(page, 28) == tree and kind == (LEAF if own_level == 0 else INNER),
         f"page {root} is no node of tree {tree}")
    need(level is None or own_level == level, f"page {root} is of the wrong level")
    for key, payload, stub in node_records(page, pages.meta.page_size):
        if own_level > 0:
            yield from tree_records(pages, tree, u32(payload, 0), own_level - 1)
        elif stub:
            yield key, overflow_value(pages, tree, payload)
        else:
            yield key, payload


def all_trees(pages):
    """Name, id, root and records of each tree, by name."""
    trees = []
    for key, value in tree_records(pages, 0, 1):
        if key[:1] == b"t":
            trees.append((value[12:], int.from_bytes(key[1:], "big"), u32(value, 0), u64(value, 4)))
    return sorted(trees)


def subtree_count(pages, tree, page_id, done):
    """Records below a page, but for what `done` says is gone."""
    page = pages.page(page_id)
    need(u32(page, 28) == tree, f"page {page_id} is no node of tree {tree}")
    if u8(page, 33) == 0:
        return u16(page, 34)
    children = [u32(payload, 0) for _, payload, _ in node_records(page, pages.meta.page_size)]
    gone = done[0] if done else 0
    return sum(subtree_count(pages, tree, child, done[1:] if i == 0 else [])
               for i, child in enumerate(children[gone:]))


def dying_counts(pages):
    """Tree id -> records that the catalog counts, but that were cut off and are being freed."""
    counts = {}
    for key, value in tree_records(pages, 0, 1):
        if key[:1] == b"d" and not u8(value, 0) & 1:
            tree, first = struct.unpack(">II", key[1:])
            done = struct.unpack(f"<{(len(value) - 9) // 2}H", value[9:])
            counts[tree] = counts.get(tree, 0) + subtree_count(pages, tree, first, done)
    return counts


# ---- The log --------------------------------------------------------------------------------


class Segment:
    def __init__(self, path, data, header):
        self.path = path
        self.data = data
        self.first_of_epoch = u32(header, 12) & 1
        self.epoch = u64(header, 32)
        self.salt = bytes(header[40:56])
        self.start = u64(header, 56)
        self.chain = u64(header, 64)

    def ref(self):
        return self.epoch, self.salt, self.start


def read_segments(path, meta):
    segments = []
    for name in sorted(glob.glob(glob.escape(path) + ".log-*")):
        if name.startswith(path + ".log-tmp-"):
            continue
        with open(name, "rb") as file:
            data = file.read()
        for at in (0, 4096):
            header = data[at:at + 112]
            if (len(header) == 112 and header[:8] == b"HDTFSSEG"
                    and u64(header, 104) == xxh3(header[:104])):
                need(u32(header, 8) == 1, f"{name}: a newer format")
                if header[16:32] == meta.uuid:
                    segments.append(Segment(name, data, header))
                break
    return segments


class Batch:
    def __init__(self, head, payload):
        self.flags, self.lsn, self.txn = u32(head, 4), u64(head, 24), u64(head, 32)
        self.check = u64(head, 80)
        self.payload = payload
        self.end = self.lsn + BATCH_HEAD + up(len(payload), 8)


def batch_at(segment, offset, chain):
    head = segment.data[offset:offset + BATCH_HEAD]
    if len(head) < BATCH_HEAD or head[:4] != b"HFBT":
        return None
    if u64(head, 80) != xxh3(segment.salt + head[:80]) or u32(head, 4) & ~7:
        return None
    if u64(head, 16) != segment.epoch or u64(head, 24) != segment.start + offset - SEGMENT_BODY:
        return None
    length = u32(head, 8)
    padded = segment.data[offset + BATCH_HEAD:offset + BATCH_HEAD + up(length, 8)]
    if len(padded) < up(length, 8) or xxh3(padded) != u64(head, 48) or u64(head, 40) != chain:
        return None
    return Batch(head, padded[:length])


def next_batch(segment, lsn, chain):
    offset = SEGMENT_BODY + lsn - segment.start
    return batch_at(segment, offset, chain) or batch_at(segment, up(offset, 4096), chain)


def find_claim(segments, current, lsn, chain):
    claims = [s for s in segments if s.first_of_epoch and s.epoch > current.epoch
              and s.start == lsn and s.chain == chain]
    return max(claims, key=lambda s: s.epoch, default=None)


def committed_groups(segments, meta, tell=lambda line: None):
    """Each committed transaction as (txn, payloads), in order."""
    current = next((s for s in segments if s.ref() == meta.segment), None)
    need(current, "the database was not closed, and its log is not beside it")
    lsn, chain, txn, pending = meta.log_lsn, meta.log_chain, meta.txn, []
    while True:
        claim = None if pending else find_claim(segments, current, lsn, chain)
        if claim:
            current = claim
            tell(f"lsn {lsn}: epoch {claim.epoch} goes on in {claim.path}")
            continue
        batch = next_batch(current, lsn, chain)
        if batch is None:
            tell(f"lsn {lsn}: the end, after transaction {txn}")
            return
        tell(f"lsn {batch.lsn}: flags {batch.flags}, transaction {batch.txn}, "
             f"{len(batch.payload)} bytes")
        lsn, chain = batch.end, batch.check
        if batch.flags & CONTINUES:
            wanted = (current.epoch, current.salt, lsn)
            current = next((s for s in segments if s.ref() == wanted and s.chain == chain
                            and not s.first_of_epoch), None)
            need(current, "a segment of the log is missing")
        elif not batch.flags & MARK:
            follows = batch.txn == pending[0].txn if pending else batch.txn > txn
            need(follows, f"lsn {batch.lsn}: transaction {batch.txn} after {txn}")
            pending.append(batch)
            if batch.flags & COMMIT:
                yield batch.txn, [b.payload for b in pending]
                txn, pending = batch.txn, []


def apply_edits(page, edits):
    at = 0
    while at < len(edits):
        to, length = u16(edits, at), u16(edits, at + 2)
        size = length & 0x7FFF
        need(to >= 32 and to + size <= len(page), "an edit leaves its page")
        if length & 0x8000:
            origin = u16(edits, at + 4)
            page[to:to + size] = bytes(page[origin:origin + size])
            at += 6
        else:
            page[to:to + size] = edits[at + 4:at + 4 + size]
            at += 4 + size


def apply_payload(pages, txn, data):
    at = 0
    while at < len(data):
        kind, page_id = u8(data, at), u32(data, at + 1)
        if kind == 1:
            base, length = u64(data, at + 5), u32(data, at + 13)
            page = bytearray(pages.page(page_id))
            need(u64(page, 16) == base, f"page {page_id} is not of transaction {base}")
            apply_edits(page, data[at + 17:at + 17 + length])
            at += 17 + length
        elif kind == 2:
            page = bytearray(pages.meta.page_size)
            ranges = u8(data, at + 5)
            at += 6
            for _ in range(ranges):
                offset, length = u16(data, at), u16(data, at + 2)
                need(offset + length <= len(page), "an image leaves its page")
                page[offset:offset + length] = data[at + 4:at + 4 + length]
                at += 4 + length
            need(u32(page, 24) == page_id, "an image of another page")
        elif kind == 3:
            page = bytearray(pages.verified(u32(data, at + 5), u64(data, at + 9), 64, page_id))
            at += 17
        elif kind == 4:
            at += 9
            continue
        else:
            raise Bad(f"a log record of unknown kind {kind}")
        struct.pack_into("<Q", page, 16, txn)
        pages.changed[page_id] = page


# ---- What is printed ------------------------------------------------------------------------


def print_dump(pages, out):
    dying = dying_counts(pages)
    for name, tree, root, records in all_trees(pages):
        database = f"database={name.decode()}\n" if name else ""
        out.write(f"VERSION=3\nformat=bytevalue\n{database}type=btree\nHEADER=END\n")
        count, last = 0, None
        for key, value in tree_records(pages, tree, root):
            need(last is None or key > last, f"tree {tree}: keys out of order")
            last, count = key, count + 1
            out.write(f" {key.hex()}\n {value.hex()}\n")
        need(count + dying.get(tree, 0) == records,
             f"tree {tree} holds {count} records, its catalog says {records}")
        out.write("DATA=END\n")


def print_description(pages, segments, out):
    meta = pages.meta
    for name, value in sorted(vars(meta).items()):
        out.write(f"{name}: {value.hex() if isinstance(value, bytes) else value}\n")
    for page_id in range(1, meta.id_high_water):
        slot, check = pages.entry(page_id)
        if slot:
            page = pages.verified(slot, check, 32, page_id)
            out.write(f"page {page_id}: slot {slot}, tree {u32(page, 28)}, kind {u8(page, 32)}, "
                      f"level {u8(page, 33)}, txn {u64(page, 16)}, entries {u16(page, 34)}\n")
    if meta.log_beside:
        for _ in committed_groups(segments, meta, lambda line: out.write(line + "\n")):
            pass


def main():
    arguments = sys.argv[1:]
    describe = arguments[:1] == ["--describe"]
    path = arguments[-1]
    try:
        with open(path, "rb") as file:
            data = memoryview(file.read())
        meta = read_meta(data)
        if arguments[:1] == ["--kept"]:
            meta.go_back_to(int(arguments[1]))
        pages = Pages(data, meta)
        segments = read_segments(path, meta) if meta.log_beside else []
        if describe:
            print_description(pages, segments, sys.stdout)
            return 0
        if meta.log_beside:
            for txn, payloads in committed_groups(segments, meta):
                for payload in payloads:
                    apply_payload(pages, txn, payload)
        print_dump(pages, sys.stdout)
        return 0
    except (Bad, struct.error, OSError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

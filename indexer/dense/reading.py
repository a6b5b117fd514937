"""FAISS bytes from a file that nobody vouches for: only the two types written here are let in, and neither may lie.

FAISS reads many types by much code, and some of them open other files. So the bytes are looked at before it sees them.
"""

import struct
import threading

import faiss
import numpy as np

from indexer.errors import IndexDamagedError

EXACT, LISTS, CENTRES, BLOCKS = b"IxSQ", b"Iwrn", b"IxFI", b"ilbl"
# As FAISS writes an index of lists, little-endian: its head (type, dim, rows, two numbers without meaning, whether it
# is trained, metric); how many lists there are, and how many are looked at; the centres, as a head, the number of
# floats and the floats; a map, empty here; 63 bytes of settings; and the lists.
HEAD = struct.Struct("<4siqqq?i")
COUNTS = struct.Struct("<QQ")
COUNT = struct.Struct("<Q")
MAP_AND_SETTINGS = 9 + 63
# The lists: type, how many, the size of a code (−1: they are in blocks), rows and bytes of a block.
BLOCK_HEAD = struct.Struct("<4sQqQQ")
MOST_LISTS = 1 << 16
# FAISS keeps its limits for the whole process.
_READING = threading.Lock()


def read_exact(data: bytes) -> faiss.IndexScalarQuantizer:
    """Read a scalar quantiser; raises IndexDamagedError when it is none or not whole."""
    if not data.startswith(EXACT):
        raise _unreadable("it is no scalar quantiser")
    index = _read(data, loops=1)
    if index.metric_type != faiss.METRIC_INNER_PRODUCT or index.codes.size() != index.ntotal * index.code_size:
        raise _unreadable("its vectors are not whole")
    return index


def read_lists(data: bytes) -> faiss.IndexIVFRaBitQFastScan:
    """Read lists of one-bit codes; raises IndexDamagedError when they are none or not whole."""
    try:
        lists = _checked_lists(data)
    except (struct.error, ValueError, OverflowError) as error:
        raise _unreadable("it ends too early") from error
    return _read(data, loops=lists)


def _read(data: bytes, *, loops: int) -> faiss.Index:
    with _READING:
        # No vector in the file is longer than the file, whatever it says.
        faiss.set_deserialization_vector_byte_limit(len(data))
        faiss.set_deserialization_loop_limit(loops)
        try:
            return faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))
        except RuntimeError as error:
            raise _unreadable(str(error)) from error


def _checked_lists(data: bytes) -> int:
    """Return how many lists the bytes hold, once all that they say of themselves is what was written here."""
    kind, dim, rows, *_, metric = HEAD.unpack_from(data)
    lists, looked_at = COUNTS.unpack_from(data, HEAD.size)
    at = HEAD.size + COUNTS.size
    centres, centre_dim, centre_rows, *_, centre_metric = HEAD.unpack_from(data, at)
    (floats,) = COUNT.unpack_from(data, at + HEAD.size)
    at += HEAD.size + COUNT.size
    ours = (kind, centres, metric, centre_metric) == (LISTS, CENTRES, *[faiss.METRIC_INNER_PRODUCT] * 2)
    if not ours or not 1 <= looked_at <= lists <= MOST_LISTS or rows < 0:
        raise _unreadable("it holds no lists of one-bit codes")
    if (centre_dim, centre_rows, floats) != (dim, lists, lists * dim) or not 0 < 4 * floats <= len(data):
        raise _unreadable("its centres are not whole")
    _check_blocks(data, at + 4 * floats, dim, lists, rows)
    return int(lists)


def _check_blocks(data: bytes, at: int, dim: int, lists: int, rows: int) -> None:
    """Raise unless each row is in one list, and each list has the bytes that the kernels of FAISS will read."""
    fresh = _fresh(dim)
    end = at + MAP_AND_SETTINGS + BLOCK_HEAD.size
    start = HEAD.size + COUNTS.size + HEAD.size + COUNT.size + 4 * dim
    settings = fresh[start : start + MAP_AND_SETTINGS]
    _, _, coded, per_block, block_bytes = BLOCK_HEAD.unpack_from(fresh, start + MAP_AND_SETTINGS)
    expected = settings + BLOCK_HEAD.pack(BLOCKS, lists, coded, per_block, block_bytes)
    seen = np.zeros(min(rows, len(data)), dtype=np.uint8)
    whole, total = data[at:end] == expected and len(seen) == rows, 0
    for _ in range(lists if whole else 0):
        (members,) = COUNT.unpack_from(data, end)
        numbers = np.frombuffer(data, dtype="<i8", count=members, offset=end + COUNT.size)
        end += COUNT.size + numbers.nbytes
        total += members
        (code_bytes,) = COUNT.unpack_from(data, end)
        end += COUNT.size + code_bytes
        whole = whole and code_bytes == -(-members // per_block) * block_bytes
        whole = whole and bool(((numbers >= 0) & (numbers < rows)).all())
        if whole:
            seen[numbers] = 1
    if not whole or (end, total) != (len(data), rows) or not seen.all():
        raise _unreadable("its lists are not whole")


def _fresh(dim: int) -> bytes:
    """Return an index without vectors: its settings are those of every other of this length."""
    centre = faiss.IndexFlatIP(dim)
    centre.add(np.zeros((1, dim), dtype=np.float32))
    index = faiss.IndexIVFRaBitQFastScan(centre, dim, 1, faiss.METRIC_INNER_PRODUCT)
    index.train(np.zeros((1, dim), dtype=np.float32))
    data: bytes = faiss.serialize_index(index).tobytes()
    return data


def _unreadable(why: str) -> IndexDamagedError:
    return IndexDamagedError(f"dense.faiss cannot be read: {why}")

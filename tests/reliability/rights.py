"""Let the rights of files apply to root too, who owns everything that the tests make and need."""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

VERSION = 0x20080522
# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: to read and write whatever the mode says. See capabilities(7).
OVERRIDES = 1 << 1 | 1 << 2


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("process", ctypes.c_int))


class _Set(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@contextmanager
def bound_by_rights() -> Iterator[None]:
    """Do without root's leave to ignore them, in this thread and in those it starts.

    Not by becoming another user: that one might not be let into the folder where this project itself lies.
    """
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, held, without = _Header(VERSION, 0), (_Set * 2)(), (_Set * 2)()
    for one in (held, without):
        _call(libc.capget, header, one)
    without[0].effective &= ~OVERRIDES
    _call(libc.capset, header, without)
    try:
        yield
    finally:
        _call(libc.capset, header, held)


def _call(function: Callable[..., int], header: _Header, sets: "ctypes.Array[_Set]") -> None:
    if function(ctypes.byref(header), sets) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

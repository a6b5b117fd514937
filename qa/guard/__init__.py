"""Who may talk to this server, how much they may send, and how fast: the names that others use."""

from qa.guard.hosts import check_host
from qa.guard.keys import Role
from qa.guard.layer import PAGE_POLICY, Guard

__all__ = ["PAGE_POLICY", "Guard", "Role", "check_host"]

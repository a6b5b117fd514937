"""Beyond one machine: a store that many processes read, and a build that many machines share."""

import os

# Before the first import of the library: what it warns of (a dataset that is not there yet) is no concern of the user.
os.environ.setdefault("LANCE_LOG", "error")

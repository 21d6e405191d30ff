"""Which requests of the reference decide what a cell is, and which are counted (MONITORS.md §2).

Dictionaries come from a hash-chosen fifth, counts from the rest: without that split the bound on `other` and
`unseen` is wrong. The hash is of the request's position, not of its content: equal requests would otherwise all fall on
one side, and a whole category with them.
"""

import hashlib


def in_dictionary(position):
    """Whether request number `position` of the reference decides cells; the others are counted."""
    return hashlib.blake2b(b"galley dictionary %d" % position, digest_size=4).digest()[0] % 5 == 0


def keep_by_hash(request_id, one_in):
    """Thinning by hash of the request's id: the same request is kept or left whatever else happens."""
    if one_in <= 1:
        return True
    digest = hashlib.blake2b(str(request_id).encode("utf-8", "replace"), digest_size=4).digest()
    return int.from_bytes(digest, "big") % one_in == 0

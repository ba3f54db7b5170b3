"""What every kind of index shares: the protocol, ids, what is on the disk."""

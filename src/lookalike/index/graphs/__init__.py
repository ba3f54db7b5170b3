"""What kinds share that search a graph of neighbours."""

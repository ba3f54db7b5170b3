"""Long work in other processes: a queue on the disk, one job at a time, with progress and cancellation."""

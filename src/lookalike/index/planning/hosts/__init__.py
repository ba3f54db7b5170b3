"""Many vectors over several hosts on Milvus: hosts, hours and costs, calculated and not run."""

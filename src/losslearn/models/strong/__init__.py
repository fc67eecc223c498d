"""Strong networks for tables: an ensemble in a module, trained as its authors do."""

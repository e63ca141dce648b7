"""Documents that outlive a process: their shape, their bytes, their storage, and what is kept out of them."""
